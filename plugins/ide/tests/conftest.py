from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from reidbench.data.arrays import ImageArray
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.testing.learners import coloured_persons


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def loop(tmp_path: Path) -> Callable[..., Loop]:
    """Return a loop in a folder of the test's own."""

    def build(name: str = "loop", **options: object) -> Loop:
        return Loop(tmp_path / name, 0, Hardware(torch.device("cpu")), **options)

    return build


@pytest.fixture
def persons() -> ImageArray:
    return coloured_persons()
