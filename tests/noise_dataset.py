"""A dataset of noise whose worker processes start quickly: nothing here imports torch."""

from __future__ import annotations

import os
import signal

import numpy as np
from numpy.typing import NDArray

from reidbench.data.dataset import Dataset, Samples, Split
from reidbench.errors import ReidbenchError
from reidbench.storage.keys import derive_seed

NATIVE = (20, 10)


class Noise(Dataset):
    """Two images a person. ``trouble`` is what happens on reading image number ``at``."""

    has_masks = True

    def __init__(self, count: int, trouble: str = "", at: int = 0) -> None:
        self.count, self.trouble, self.at = count, trouble, at

    def samples(self, split: Split) -> Samples:
        rows = np.arange(self.count)
        return Samples([f"{split}/{i}.png" for i in rows], rows // 2, rows % 2)

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        if self.trouble and index == self.at:
            self._fail()
        return self._noise(split, index, (*NATIVE, 3))

    def read_mask(self, split: Split, index: int) -> NDArray[np.uint8]:
        return self._noise(split, -index, NATIVE)

    def fingerprint(self) -> str:
        return "noise"

    def check(self) -> list[str]:
        return []

    def _fail(self) -> None:
        if self.trouble == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.trouble == "explained":
            raise ReidbenchError("7.png ends early; copy it again")
        raise OSError("truncated")

    @staticmethod
    def _noise(split: str, index: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        rng = np.random.default_rng(derive_seed(split, index))
        return rng.integers(0, 256, shape, np.uint8)


class Maskless(Noise):
    has_masks = False
