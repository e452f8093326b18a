from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from reidbench_espgan.constraint import JointLearner

from reidbench.interfaces import UNLABELLED, Context, Hop, Images, SourceModel, domain_index
from reidbench.testing.fixtures import seeded
from reidbench.testing.learners import SmallLearner
from reidbench.testing.tensors import fixed_seed, wave
from reidbench.testing.toys import ToyLearner

SIZE = (32, 24)
ROWS, PIDS = 3, 4


@pytest.fixture
def context() -> Context:
    return Context(image_size=SIZE, num_pids=PIDS, num_domains=2, device=torch.device("cpu"))


@pytest.fixture
def make(context: Context) -> Callable[..., JointLearner]:
    """Return a constraint whose learner always starts from the same weights."""

    def build(*, learner: ToyLearner | None = None, **parameters: object) -> JointLearner:
        learner = learner or SmallLearner()
        with fixed_seed(7):
            model = learner.build(PIDS).eval()
        constraint = JointLearner(**parameters)
        constraint.setup(replace(context, source_model=SourceModel(learner, model)))
        return constraint

    return build


@pytest.fixture
def hops() -> tuple[Hop, Hop]:
    """Return both directions; the persons of the target are not known."""
    pid, cam = torch.tensor([2, 0, 3]), torch.zeros(ROWS, dtype=torch.long)
    source = Images(wave(ROWS, 0.0), pid, cam)
    target = Images(wave(ROWS, 1.5), torch.full((ROWS,), UNLABELLED), cam)
    made = [wave(ROWS, p).requires_grad_() for p in (0.4, 2.2, 0.1, 1.7)]
    there = Hop(source, made[0], target.pixels, domain_index(ROWS, 1, pid.device), made[2])
    back = Hop(target, made[1], source.pixels, domain_index(ROWS, 0, pid.device), made[3])
    return there, back
