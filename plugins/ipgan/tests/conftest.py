from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from reidbench_ipgan.constraint import SemanticClassifier

from reidbench.interfaces import UNLABELLED, Context, Hop, Images, SourceModel
from reidbench.testing.fixtures import persons, seeded
from reidbench.testing.learners import SmallLearner
from reidbench.testing.tensors import fixed_seed, wave
from reidbench.testing.toys import ToyLearner

SIZE = (32, 24)
ROWS, PIDS = 4, 5


@pytest.fixture
def context() -> Context:
    return Context(image_size=SIZE, num_pids=PIDS, num_domains=4, device=torch.device("cpu"))


@pytest.fixture
def make(context: Context) -> Callable[..., SemanticClassifier]:
    """Return a constraint whose classifier always has the same weights."""

    def build(*, learner: ToyLearner | None = None, **parameters: float) -> SemanticClassifier:
        learner = learner or SmallLearner()
        with fixed_seed(7):
            model = learner.build(PIDS).eval()
        constraint = SemanticClassifier(**parameters)
        constraint.setup(replace(context, source_model=SourceModel(learner, model)))
        return constraint

    return build


@pytest.fixture
def hops() -> tuple[Hop, Hop]:
    """Return source images in the styles of three cameras and the source's, and target images."""
    cam = torch.tensor([0, 1, 2, 0])
    source = Images(wave(ROWS, 0.0), torch.tensor([2, 0, 4, 1]), cam)
    target = Images(wave(ROWS, 1.5), torch.full((ROWS,), UNLABELLED), cam)
    made = [wave(ROWS, p).requires_grad_() for p in (0.4, 2.2, 0.1, 1.7)]
    there = Hop(source, made[0], target.pixels, torch.tensor([1, 3, 0, 2]), made[2])
    back = Hop(target, made[1], source.pixels, torch.tensor([0, 0, 2, 1]), made[3])
    return there, back
