from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from reidbench_espgan.constraint import JointLearner
from torch import nn

from reidbench.interfaces import UNLABELLED, Context, Hop, Images, SourceModel, domain_index
from reidbench.testing.toys import ToyLearner

SIZE = (32, 24)
ROWS, PIDS = 3, 4


class SmallLearner(ToyLearner):
    """A classifier in which a training mode shows: it has batch normalisation and dropout."""

    def __init__(self, *, dropout: float = 0.5, lr: float = 0.1) -> None:
        super().__init__(lr=lr)
        self.dropout = dropout

    def build(self, num_pids):
        head = nn.BatchNorm1d(8), nn.Dropout(self.dropout), nn.Linear(8, num_pids)
        return nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                             nn.Flatten(), *head)  # fmt: skip

    def loss(self, model, pixels, pid):
        return nn.functional.cross_entropy(model(pixels), pid)


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def context() -> Context:
    return Context(image_size=SIZE, num_pids=PIDS, num_domains=2, device=torch.device("cpu"))


@pytest.fixture
def make(context: Context) -> Callable[..., JointLearner]:
    """Return a constraint whose learner always starts from the same weights."""

    def build(*, learner: ToyLearner | None = None, **parameters: object) -> JointLearner:
        learner = learner or SmallLearner()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            model = learner.build(PIDS).eval()
        constraint = JointLearner(**parameters)
        constraint.setup(replace(context, source_model=SourceModel(learner, model)))
        return constraint

    return build


def wave(phase: float) -> torch.Tensor:
    """Return images that are a formula, the same on every machine."""
    places = torch.arange(ROWS * 3 * SIZE[0] * SIZE[1], dtype=torch.float64)
    return torch.sin(0.37 * places + phase).float().view(ROWS, 3, *SIZE)


@pytest.fixture
def hops() -> tuple[Hop, Hop]:
    """Return both directions; the persons of the target are not known."""
    pid, cam = torch.tensor([2, 0, 3]), torch.zeros(ROWS, dtype=torch.long)
    source = Images(wave(0.0), pid, cam)
    target = Images(wave(1.5), torch.full((ROWS,), UNLABELLED), cam)
    made = [wave(p).requires_grad_() for p in (0.4, 2.2, 0.1, 1.7)]
    there = Hop(source, made[0], target.pixels, domain_index(ROWS, 1, pid.device), made[2])
    back = Hop(target, made[1], source.pixels, domain_index(ROWS, 0, pid.device), made[3])
    return there, back
