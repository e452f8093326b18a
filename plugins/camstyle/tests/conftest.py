from collections.abc import Callable

import numpy as np
import pytest
import torch
from reidbench_camstyle.translator import CamStyle

from reidbench.data.arrays import ImageArray
from reidbench.interfaces import UNLABELLED, Batch, Context, Images
from reidbench.stages.decode import concatenated
from reidbench.testing.fixtures import loop, persons, seeded
from reidbench.testing.tensors import fixed_seed, wave

SIZE = (32, 24)
SMALL = {"width": 4, "blocks": 1, "discriminator_width": 4, "pool": 3}


@pytest.fixture
def context() -> Context:
    return Context(SIZE, num_pids=4, num_domains=1 + 3, device=torch.device("cpu"))


@pytest.fixture
def make(context: Context) -> Callable[..., CamStyle]:
    """Return a small CamStyle whose initial weights are always the same."""

    def build(**parameters: object) -> CamStyle:
        with fixed_seed(7):
            translator = CamStyle(**(SMALL | parameters))
            translator.setup(context)
        return translator

    return build


def batch_of(*cameras: int) -> Batch:
    rows = len(cameras)
    pid, hidden = torch.arange(rows), torch.full((rows,), UNLABELLED)
    return Batch(
        Images(wave(rows, 0.0), pid, torch.zeros(rows, dtype=torch.long)),
        Images(wave(rows, 1.5), hidden, torch.tensor(cameras)),
    )


@pytest.fixture
def batch() -> Batch:
    """Return four images of the source and four of the target's cameras 2, 0, 2 and 2."""
    return batch_of(2, 0, 2, 2)


@pytest.fixture
def both(persons: ImageArray) -> ImageArray:
    """Return 48 real images and 96 translated ones of the same persons."""
    fakes = concatenated([persons, persons])
    translated = ImageArray(fakes.pixels, fakes.pids, fakes.cams, fake=np.ones(96, np.bool_))
    return concatenated([persons, translated])
