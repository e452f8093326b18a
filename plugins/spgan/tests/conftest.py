from collections.abc import Callable

import pytest
import torch
from reidbench_spgan.constraint import SiaNet

from reidbench.interfaces import Context, Hop, Images, domain_index
from reidbench.testing.fixtures import seeded
from reidbench.testing.tensors import fixed_seed, wave

SIZE = (32, 16)


@pytest.fixture
def context() -> Context:
    return Context(image_size=SIZE, num_pids=4, num_domains=2, device=torch.device("cpu"))


@pytest.fixture
def make(context: Context) -> Callable[..., SiaNet]:
    """Return a SiaNet whose initial weights are always the same."""

    def build(**parameters: object) -> SiaNet:
        with fixed_seed(7):
            constraint = SiaNet(**parameters)
            constraint.setup(context)
        return constraint

    return build


def hop(real: torch.Tensor, fake: torch.Tensor, style: torch.Tensor, dst: int) -> Hop:
    rows = torch.arange(len(real))
    return Hop(Images(real, rows, rows), fake, style, domain_index(len(real), dst, real.device))


@pytest.fixture
def hops() -> tuple[Hop, Hop]:
    source, target = wave(2, 0.0, size=SIZE), wave(2, 1.5, size=SIZE)
    there = hop(source, wave(2, 0.4, size=SIZE).requires_grad_(), target, 1)
    return there, hop(target, wave(2, 2.2, size=SIZE).requires_grad_(), source, 0)
