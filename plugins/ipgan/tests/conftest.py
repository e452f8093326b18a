from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from reidbench_ipgan.constraint import SemanticClassifier
from torch import nn

from reidbench.data.arrays import ImageArray
from reidbench.interfaces import UNLABELLED, Context, Hop, Images, SourceModel
from reidbench.testing.learners import coloured_persons
from reidbench.testing.toys import ToyLearner

SIZE = (32, 24)
ROWS, PIDS = 4, 5


class SmallLearner(ToyLearner):
    """A classifier in which a training mode shows: it has batch normalisation and dropout."""

    def build(self, num_pids: int) -> nn.Module:
        head = nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, num_pids)
        return nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                             nn.Flatten(), *head)  # fmt: skip

    def loss(self, model: nn.Module, pixels: torch.Tensor, pid: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(model(pixels), pid)


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def persons() -> ImageArray:
    return coloured_persons()


@pytest.fixture
def context() -> Context:
    return Context(image_size=SIZE, num_pids=PIDS, num_domains=4, device=torch.device("cpu"))


@pytest.fixture
def make(context: Context) -> Callable[..., SemanticClassifier]:
    """Return a constraint whose classifier always has the same weights."""

    def build(*, learner: ToyLearner | None = None, **parameters: float) -> SemanticClassifier:
        learner = learner or SmallLearner()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            model = learner.build(PIDS).eval()
        constraint = SemanticClassifier(**parameters)
        constraint.setup(replace(context, source_model=SourceModel(learner, model)))
        return constraint

    return build


def wave(phase: float) -> torch.Tensor:
    """Return images that are a formula, the same on every machine."""
    places = torch.arange(ROWS * 3 * SIZE[0] * SIZE[1], dtype=torch.float64)
    return torch.sin(0.37 * places + phase).float().view(ROWS, 3, *SIZE)


@pytest.fixture
def hops() -> tuple[Hop, Hop]:
    """Return source images in the styles of three cameras and the source's, and target images."""
    cam = torch.tensor([0, 1, 2, 0])
    source = Images(wave(0.0), torch.tensor([2, 0, 4, 1]), cam)
    target = Images(wave(1.5), torch.full((ROWS,), UNLABELLED), cam)
    made = [wave(p).requires_grad_() for p in (0.4, 2.2, 0.1, 1.7)]
    there = Hop(source, made[0], target.pixels, torch.tensor([1, 3, 0, 2]), made[2])
    back = Hop(target, made[1], source.pixels, torch.tensor([0, 0, 2, 1]), made[3])
    return there, back
