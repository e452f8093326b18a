from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from reidbench.data.arrays import ImageArray
from reidbench.hardware import Hardware
from reidbench.training import Loop


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
    """Six persons, told apart by the colours of their halves, eight noisy images of each."""
    rng = np.random.default_rng(0)
    colours = rng.integers(40, 215, size=(6, 2, 3))
    pids = np.repeat(np.arange(6), 8)
    pixels = np.repeat(colours[pids], 16, axis=1)[:, :, None, :].repeat(16, axis=2)
    pixels = np.clip(pixels + rng.normal(0, 20, pixels.shape), 0, 255).astype(np.uint8)
    return ImageArray(pixels, pids + 100, np.zeros(48, dtype=np.int64))
