from reidbench.testing.fixtures import persons, seeded
