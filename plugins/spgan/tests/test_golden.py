"""Three steps on fixed tensors. Where these numbers move, ``SiaNet.version`` has to rise."""

import pytest

from reidbench.interfaces import Clock

GOLDEN = [3.499759, 1.749879, 0.2068779, 0.1034390, 0.01127482, 0.005637412]


def test_three_steps_give_the_recorded_losses(make, hops):
    constraint = make(lr=2e-3)
    assert constraint.version == 1
    measured = []
    for step in range(3):
        measured.append(constraint.losses(hops, Clock(step, 3))["similarity"].item())
        log = constraint.update(tuple(h.detach() for h in hops), Clock(step, 3))
        measured.append(log["sianet"].item())
    assert measured == pytest.approx(GOLDEN, rel=1e-4)
