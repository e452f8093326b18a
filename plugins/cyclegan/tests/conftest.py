from collections.abc import Callable

import pytest
import torch
from reidbench_cyclegan.translator import CycleGAN

from reidbench.interfaces import UNLABELLED, Batch, Context, Images
from reidbench.testing.fixtures import seeded
from reidbench.testing.tensors import fixed_seed, wave

SIZE = (32, 24)
SMALL = {"width": 4, "blocks": 1, "discriminator_width": 4, "pool": 3}


@pytest.fixture
def context() -> Context:
    return Context(image_size=SIZE, num_pids=4, num_domains=2, device=torch.device("cpu"))


@pytest.fixture
def make(context: Context) -> Callable[..., CycleGAN]:
    """Return a small CycleGAN whose initial weights are always the same."""

    def build(**parameters: object) -> CycleGAN:
        with fixed_seed(7):
            translator = CycleGAN(**(SMALL | parameters))
            translator.setup(context)
        return translator

    return build


@pytest.fixture
def batch() -> Batch:
    pid, cam = torch.arange(2), torch.zeros(2, dtype=torch.long)
    hidden = torch.full((2,), UNLABELLED)
    return Batch(Images(wave(2, 0.0), pid, cam), Images(wave(2, 1.5), hidden, cam))
