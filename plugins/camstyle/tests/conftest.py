from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from reidbench_camstyle.translator import CamStyle

from reidbench.data.arrays import ImageArray
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.interfaces import UNLABELLED, Batch, Context, Images
from reidbench.stages.decode import concatenated
from reidbench.testing.learners import coloured_persons

SIZE = (32, 24)
SMALL = {"width": 4, "blocks": 1, "discriminator_width": 4, "pool": 3}


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def context() -> Context:
    return Context(SIZE, num_pids=4, num_domains=1 + 3, device=torch.device("cpu"))


@pytest.fixture
def make(context: Context) -> Callable[..., CamStyle]:
    """Return a small CamStyle whose initial weights are always the same."""

    def build(**parameters: object) -> CamStyle:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            translator = CamStyle(**(SMALL | parameters))
            translator.setup(context)
        return translator

    return build


def wave(rows: int, phase: float) -> torch.Tensor:
    """Return images that are a formula, the same on every machine."""
    places = torch.arange(rows * 3 * SIZE[0] * SIZE[1], dtype=torch.float64)
    return torch.sin(0.37 * places + phase).float().view(rows, 3, *SIZE)


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
def loop(tmp_path: Path) -> Callable[..., Loop]:
    """Return a loop in a folder of the test's own."""

    def build(name: str = "loop", **options: object) -> Loop:
        return Loop(tmp_path / name, 0, Hardware(torch.device("cpu")), **options)

    return build


@pytest.fixture
def persons() -> ImageArray:
    return coloured_persons()


@pytest.fixture
def both(persons: ImageArray) -> ImageArray:
    """Return 48 real images and 96 translated ones of the same persons."""
    fakes = concatenated([persons, persons])
    translated = ImageArray(fakes.pixels, fakes.pids, fakes.cams, fake=np.ones(96, np.bool_))
    return concatenated([persons, translated])
