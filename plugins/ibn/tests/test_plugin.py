import reidbench_ibn

from reidbench.registry.registry import Registration


def test_registers_the_learner():
    registration = Registration("ibn")
    reidbench_ibn.reidbench_register(registration)
    (entry,) = registration.entries
    assert (entry.kind, entry.name) == ("learner", "ibn")
    assert entry.load().__name__ == "IBN"
    assert registration.methods == []
