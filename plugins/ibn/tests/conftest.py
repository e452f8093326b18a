from collections.abc import Iterator

import pytest
import torch

from reidbench.data.arrays import ImageArray
from reidbench.testing.learners import coloured_persons


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def persons() -> ImageArray:
    return coloured_persons()
