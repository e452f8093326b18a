from reidbench.testing.fixtures import seeded
