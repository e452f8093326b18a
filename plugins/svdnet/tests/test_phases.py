import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reidbench_svdnet.phases import phase_at, phases

fractions = st.floats(0, 1)


def test_the_authors_steps():
    found = phases(137_000, 7, 25_000 / 137_000, 0.5)
    assert [p.steps for p in found] == [25_000] + [8_000] * 14
    assert [p.kind for p in found] == ["base"] + ["restraint", "relaxation"] * 7
    assert [p.round for p in found] == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.integers(0, 9), fractions, fractions)
def test_phases_follow_each_other_and_fill_the_training(steps, rounds, base, restraint):
    found = phases(steps, rounds, base, restraint)
    covered = [s for p in found for s in range(p.first, p.first + p.steps)]
    assert covered == list(range(steps))
    assert all(p.steps for p in found)
    order = [(p.round, p.kind == "relaxation") for p in found]
    assert order == sorted(set(order))
    assert [phase_at(s, found) for s in covered] == [p for p in found for _ in range(p.steps)]


def test_without_rounds_all_is_base_training():
    (only,) = phases(9, 0, 0.2, 0.5)
    assert (only.kind, only.steps) == ("base", 9)


def test_fractions_of_rounds():
    found = phases(100, 2, 0.2, 0.25)
    assert [(p.kind, p.steps) for p in found] == [
        ("base", 20),
        ("restraint", 10),
        ("relaxation", 30),
        ("restraint", 10),
        ("relaxation", 30),
    ]
    assert found[2].progress(30) == 0
    assert found[2].progress(45) == pytest.approx(0.5)
