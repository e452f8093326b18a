"""Distances between two sets of features: maximum mean discrepancy and Fréchet distance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.evaluation.generation import Doubles, Numbers, fid

MEDIAN_ROWS = 2000
"""Features, evenly spread, that the median heuristic looks at if there are more."""
_ROWS = 2048  # of a kernel matrix that are taken at a time, to save memory


@dataclass(frozen=True)
class Apart:
    """Distances between two sets of features.

    Attributes:
        mmd2: unbiased estimate of the squared maximum mean discrepancy; below 0 about as often as
            above it where both sets come from one distribution.
        frechet: Fréchet distance of the Gaussians that fit the sets; biased upwards, the more so
            the fewer features there are.
    """

    mmd2: float
    frechet: float

    def to_dict(self) -> dict[str, float]:
        """Return both by name."""
        return asdict(self)


def apart(first: Numbers, second: Numbers, bandwidth: float) -> Apart:
    """Return the distances between two sets of features, ``[N, D]`` and ``[M, D]``.

    Raises:
        ReidbenchError: if a set has fewer than two rows.
    """
    return Apart(mmd2(first, second, bandwidth), fid(first, second))


def mmd2(first: Numbers, second: Numbers, bandwidth: float) -> float:
    """Return the unbiased estimate of the squared maximum mean discrepancy of two sets.

    Gretton et al., "A Kernel Two-Sample Test", JMLR 2012, eq. 3, under the Gaussian kernel
    ``k(x, y) = exp(-|x - y|^2 / (2 bandwidth^2))``. It can be negative.

    Args:
        first: ``[N, D]``.
        second: ``[M, D]``.
        bandwidth: bandwidth of the kernel. Values of different bandwidths cannot be compared.

    Raises:
        ReidbenchError: if a set has fewer than two rows.
    """
    n, m = len(first), len(second)
    if min(n, m) < 2:
        raise ReidbenchError(f"a discrepancy needs two features of each set, not {n} and {m}")
    own = _own_kernel_mean(first, bandwidth) + _own_kernel_mean(second, bandwidth)
    return own - 2 * _kernel_sum(first, second, bandwidth) / (n * m)


def median_bandwidth(*sets: Numbers) -> float:
    """Return the median distance of two features of the pooled sets, ``[N, D]`` each.

    Gretton et al., JMLR 2012, section 8, over all pairs of ``MEDIAN_ROWS`` rows at most.

    Raises:
        ReidbenchError: if it is 0, as of a model that gives all images the same features.
    """
    pooled = np.concatenate(sets)
    few = pooled[spread_rows(len(pooled), MEDIAN_ROWS)]
    pairs = np.triu_indices(len(few), 1)
    squares = np.concatenate(list(_squares(few, few)))[pairs]
    # A distance to itself comes out as what rounding leaves of the features' own length.
    median = float(np.median(np.sqrt(squares)))
    if median <= 1e-6 * float(np.sqrt(np.square(few, dtype=np.float64).sum(1).mean())):
        raise ReidbenchError(
            "most images have the same features: there is no distribution to compare (the model "
            "that gives the features has not learned to tell images apart)"
        )
    return median


def spread_rows(count: int, most: int) -> NDArray[np.int64]:
    """Return ``most`` of ``count`` rows, evenly spread from the first to the last, or all."""
    rows = np.linspace(0, count - 1, min(count, most)).round()
    return rows.astype(np.int64)


def _own_kernel_mean(x: Numbers, bandwidth: float) -> float:
    """Return the mean over all pairs of different rows: a row's kernel with itself is 1."""
    n = len(x)
    return (_kernel_sum(x, x, bandwidth) - n) / (n * (n - 1))


def _kernel_sum(x: Numbers, y: Numbers, bandwidth: float) -> float:
    parts = (np.exp(squares / (-2 * bandwidth**2)).sum() for squares in _squares(x, y))
    return float(sum(parts))


def _squares(x: Numbers, y: Numbers) -> Iterator[Doubles]:
    """Yield the squared distances of some rows of ``x`` to all of ``y``, and of the next."""
    same, centre = x is y, y.mean(0, dtype=np.float64)
    right = y - centre
    lengths = np.square(right).sum(1)
    for start in range(0, len(x), _ROWS):
        left = x[start : start + _ROWS] - centre
        squares = np.square(left).sum(1)[:, None] + lengths - 2 * left @ right.T
        if same:
            np.fill_diagonal(squares[:, start:], 0)
        yield np.maximum(squares, 0)
