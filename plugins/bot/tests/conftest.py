from reidbench.testing.fixtures import loop, persons, seeded
