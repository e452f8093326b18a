"""Features moved to a common origin where float32 would cancel.

``|q|^2 + |g|^2 - 2 q.g`` loses as many digits as the features' length exceeds their distances:
those of an untrained network, or raw ones with an offset, can differ by less than float32 resolves.
A distance does not change if one vector is subtracted from both features, and is then computed from
numbers of its own size. Features that are spread already stay as they are, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.evaluation.distance import Doubles, unit
from reidbench.evaluation.features import Floats, Ints

CLOSE = 2.0**-8
"""Mean squared distance from the origin, over the mean squared length, below which to centre."""
ALIKE = 1e-28
"""The same for features that differ by the rounding of their mean only: they are all equal."""
SAMPLE, BLOCK = 256, 32
"""Rows that the origin is the mean of, and rows that are widened to float64 at a time."""


def common_origin(features: NDArray[np.floating]) -> Doubles | None:
    """Return the mean of ``features`` ``[N, D]`` if it is far larger than their spread, else None.

    It is the mean of evenly spread rows: any vector near all features serves.
    """
    rows = features[sampled(np.arange(len(features)))].astype(np.float64)
    lengths = float(np.square(rows).sum())
    mean: Doubles = rows.mean(axis=0)
    rows -= mean
    spread = float(np.square(rows).sum())
    return mean if ALIKE * lengths < spread < CLOSE * lengths else None


def sampled(rows: Ints) -> Ints:
    """Return at most ``SAMPLE`` of some rows, evenly spread."""
    return rows[:: -(-len(rows) // SAMPLE)]


@dataclass(frozen=True, eq=False)
class CentredRows:
    """Features that are centred as they are read, so that no copy of all is held.

    Attributes:
        features: ``[N, D]`` of any number type.
        origin: ``[D]`` the vector to subtract.
        unit_length: scale the features to unit length before.
    """

    features: NDArray[np.generic]
    origin: Doubles
    unit_length: bool

    def __len__(self) -> int:
        """Return N."""
        return len(self.features)

    def __getitem__(self, rows: int | slice | Ints) -> Floats:
        """Return one row ``[D]``, or several ``[n, D]``, as :func:`centred` does."""
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        asked = np.atleast_1d(rows)
        found = centred(self.features, self.origin, unit_length=self.unit_length, rows=asked)
        return found.reshape(*np.shape(rows), -1)


def centred(
    features: NDArray[np.generic],
    origin: Doubles,
    *,
    unit_length: bool,
    rows: Ints | None = None,
    lacking: Doubles | float = 0.0,
    out: Floats | None = None,
) -> Floats:
    """Return features less ``origin`` ``[D]``, computed in float64 and rounded to float32.

    Args:
        features: ``[N, D]`` of any number type.
        origin: the vector to subtract.
        unit_length: scale the features to unit length before.
        rows: the rows to take; None takes all.
        lacking: a vector that was subtracted from them before, and is added first.
        out: array ``[rows, D]`` to write to; it may be ``features`` if all rows are taken.
    """
    rows = np.arange(len(features)) if rows is None else rows
    out = np.empty((len(rows), features.shape[1]), np.float32) if out is None else out
    for start in range(0, len(rows), BLOCK):
        block = features[rows[start : start + BLOCK]].astype(np.float64)
        block += lacking
        if unit_length:
            unit(block)
        block -= origin
        out[start : start + BLOCK] = block
    return out
