from collections.abc import Callable

import pytest
import torch
from reidbench_stargan.translator import StarGAN

from reidbench.interfaces import UNLABELLED, Batch, Context, Images
from reidbench.testing.fixtures import seeded
from reidbench.testing.tensors import fixed_seed, wave

SIZE = (32, 24)
CAMERAS = 3
SMALL = {"width": 4, "blocks": 1, "discriminator_width": 4}


@pytest.fixture
def context() -> Context:
    return Context(SIZE, num_pids=4, num_domains=1 + CAMERAS, device=torch.device("cpu"))


@pytest.fixture
def make(context: Context) -> Callable[..., StarGAN]:
    """Return a small StarGAN whose initial weights are always the same."""

    def build(**parameters: object) -> StarGAN:
        with fixed_seed(7):
            translator = StarGAN(**(SMALL | parameters))
            translator.setup(context)
        return translator

    return build


@pytest.fixture
def batch() -> Batch:
    """Return four images of the source and four of the target's cameras 2, 0, 0 and 1."""
    pid, hidden = torch.arange(4), torch.full((4,), UNLABELLED)
    return Batch(
        Images(wave(4, 0.0), pid, torch.tensor([0, 1, 0, 1])),
        Images(wave(4, 1.5), hidden, torch.tensor([2, 0, 0, 1])),
    )
