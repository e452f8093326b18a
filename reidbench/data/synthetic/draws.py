"""Random draws that are the same on every machine and with every version of numpy.

Only the raw output of PCG64 is used, which numpy promises to keep, and arithmetic that IEEE 754
defines exactly; numpy's own distributions may change and its transcendental functions differ
between processors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from reidbench.storage.keys import JSON, derive_seed

T = TypeVar("T")


class Draws:
    """An endless stream of draws, named by its axis."""

    def __init__(self, *axis: JSON) -> None:
        """Start the stream of ``axis``, e.g. ``Draws(seed, "a", "person", 7)``."""
        self._bits = np.random.PCG64(derive_seed("synthetic", *axis))

    def unit(self) -> float:
        """Return a number in [0, 1)."""
        return (int(self._bits.random_raw()) >> 11) / 2**53

    def between(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * self.unit()

    def about_zero(self, spread: float) -> float:
        """Return a number in (-spread, spread), more often near zero: a sum of two draws."""
        return spread * (self.unit() + self.unit() - 1.0)

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.unit() < probability

    def index(self, count: int) -> int:
        """Return a whole number in 0..count-1."""
        return (int(self._bits.random_raw()) >> 11) * count >> 53

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, each as likely."""
        return options[self.index(len(options))]

    def lattice(self, rows: int, columns: int) -> NDArray[np.float32]:
        """Return ``[rows, columns]`` numbers in [-1, 1], in steps of 1/127.5."""
        return self._bytes(rows * columns).reshape(rows, columns) / np.float32(127.5) - 1

    def bell(self, *shape: int) -> NDArray[np.float32]:
        """Return noise of mean 0 and standard deviation 1: a sum of four bytes a value."""
        count = 1
        for length in shape:
            count *= length
        total = self._bytes(4 * count).reshape(4, count)
        added = (total[0] + total[1]) + (total[2] + total[3])
        # Four uniform bytes: mean 4 * 127.5, variance 4 * (256**2 - 1) / 12 = 147.8**2.
        standard: NDArray[np.float32] = (added - np.float32(510)) / np.float32(147.8)
        return standard.reshape(shape)

    def _bytes(self, count: int) -> NDArray[np.float32]:
        raw = self._bits.random_raw((count + 7) // 8).astype("<u8")
        return raw.view(np.uint8)[:count].astype(np.float32)
