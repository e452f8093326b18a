import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # tested without being installed

from reidbench_cut.translator import CUT

from reidbench.interfaces import UNLABELLED, Batch, Context, Images
from reidbench.testing.fixtures import seeded
from reidbench.testing.tensors import fixed_seed, wave

SMALL = {"width": 4, "blocks": 1, "discriminator_width": 4, "embedding": 8, "patches": 16}


@pytest.fixture
def make() -> Callable[..., CUT]:
    """Return a small CUT whose initial weights are always the same."""

    def build(**parameters: object) -> CUT:
        with fixed_seed(7):
            translator = CUT(**(SMALL | parameters))
            translator.setup(Context((32, 24), 4, 2, torch.device("cpu")))
        return translator

    return build


@pytest.fixture
def batch() -> Batch:
    """Return two images of each domain."""
    pid, hidden, cam = torch.arange(2), torch.full((2,), UNLABELLED), torch.zeros(2).long()
    return Batch(Images(wave(2, 0.0), pid, cam), Images(wave(2, 1.5), hidden, cam))
