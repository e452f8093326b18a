"""Three steps on fixed tensors. Where these numbers move, ``JointLearner.version`` has to rise."""

import pytest

from reidbench.interfaces import Clock
from reidbench.testing.toys import ToyLearner

GOLDEN = [7.159197, 1.43178, 7.14977, 1.429895, 7.132027, 1.426346]


def test_three_steps_give_the_recorded_losses(make, hops):
    constraint = make(learner=ToyLearner())
    assert constraint.version == 2
    measured = []
    for step in range(3):
        measured.append(constraint.losses(hops, Clock(step, 3))["identity"].item())
        log = constraint.update(tuple(h.detach() for h in hops), Clock(step, 3))
        measured.append(log["learner"].item())
    assert measured == pytest.approx(GOLDEN, rel=1e-4)
