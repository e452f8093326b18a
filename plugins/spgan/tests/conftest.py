from collections.abc import Callable, Iterator

import pytest
import torch
from reidbench_spgan.constraint import SiaNet

from reidbench.interfaces import Context, Hop, Images, domain_index

SIZE = (32, 16)


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def context() -> Context:
    return Context(image_size=SIZE, num_pids=4, num_domains=2, device=torch.device("cpu"))


@pytest.fixture
def make(context: Context) -> Callable[..., SiaNet]:
    """Return a SiaNet whose initial weights are always the same."""

    def build(**parameters: object) -> SiaNet:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            constraint = SiaNet(**parameters)
            constraint.setup(context)
        return constraint

    return build


def wave(phase: float) -> torch.Tensor:
    """Return two images that are a formula, the same on every machine."""
    places = torch.arange(2 * 3 * SIZE[0] * SIZE[1], dtype=torch.float64)
    return torch.sin(0.37 * places + phase).float().view(2, 3, *SIZE)


def hop(real: torch.Tensor, fake: torch.Tensor, style: torch.Tensor, dst: int) -> Hop:
    rows = torch.arange(len(real))
    return Hop(Images(real, rows, rows), fake, style, domain_index(len(real), dst, real.device))


@pytest.fixture
def hops() -> tuple[Hop, Hop]:
    source, target = wave(0.0), wave(1.5)
    there = hop(source, wave(0.4).requires_grad_(), target, 1)
    return there, hop(target, wave(2.2).requires_grad_(), source, 0)
