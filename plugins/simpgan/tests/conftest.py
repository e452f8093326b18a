from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from reidbench_simpgan.constraint import SimilarityConsistency
from reidbench_simpgan.learner import Siamese
from reidbench_simpgan.network import SiameseModel

from reidbench.interfaces import UNLABELLED, Context, Hop, Images, SourceModel
from reidbench.testing.fixtures import persons, seeded
from reidbench.testing.tensors import fixed_seed, wave

SIZE = (32, 24)
ROWS, PIDS = 6, 5
TOY = {"backbone": "small-resnet", "dropout": 0.0, "batch": 8, "lr": 0.05, "backbone_lr": 0.05}


@pytest.fixture
def toy() -> Callable[..., Siamese]:
    """Return a learner of small images."""
    return lambda **changes: Siamese(**(TOY | changes))


@pytest.fixture
def context() -> Context:
    return Context(image_size=SIZE, num_pids=PIDS, num_domains=2, device=torch.device("cpu"))


def judging(model: SiameseModel) -> SiameseModel:
    """Give the score weights of both signs, as learning does; new ones hardly judge at all."""
    with torch.no_grad():
        model.score.weight.normal_(std=3.0)
        model.score.bias.fill_(0.3)
    return model


@pytest.fixture
def make(context: Context) -> Callable[..., SimilarityConsistency]:
    """Return a constraint whose classifier always has the same weights."""

    def build(**parameters: float) -> SimilarityConsistency:
        learner = Siamese(**(TOY | {"dropout": 0.5}))
        with fixed_seed(7):
            model = judging(learner.build(PIDS)).eval()
        constraint = SimilarityConsistency(**parameters)
        constraint.setup(replace(context, source_model=SourceModel(learner, model)))
        return constraint

    return build


@pytest.fixture
def hops() -> tuple[Hop, Hop]:
    """Return pairs of source images, of which the first and the last show one person."""
    cam, there = torch.zeros(ROWS, dtype=torch.long), torch.ones(ROWS, dtype=torch.long)
    source = Images(wave(ROWS, 0.0), torch.tensor([2, 2, 0, 4, 1, 1]), cam)
    target = Images(wave(ROWS, 1.5), torch.full((ROWS,), UNLABELLED), cam)
    made = [wave(ROWS, p).requires_grad_() for p in (0.4, 2.2, 0.1, 1.7)]
    return (
        Hop(source, made[0], target.pixels, there, made[2]),
        Hop(target, made[1], source.pixels, cam, made[3]),
    )
