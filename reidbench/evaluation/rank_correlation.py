"""Kendall's rank correlation of two orders, and what it would be by other seeds.

Methods that are measured on one benchmark share its seeds: a seed decides initial weights and
batches of all of them, so that their scores rise and fall together. A seed is therefore drawn for
all methods at once, as the bootstrap of a block. Two benchmarks are drawn independently.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reidbench.evaluation.features import Ints
from reidbench.evaluation.scores import Doubles

MOST_DRAWS = 2**16
"""Pairs of draws up to which all are taken: four seeds of either side give as many."""
BATCH = 2**22
"""Differences of means held at a time."""
_DECIMALS = 12
"""Means and taus that differ less do so by rounding: such means are tied."""
Signs = NDArray[np.int8]


class Kendall(NamedTuple):
    """A rank correlation.

    Attributes:
        tau: tau-b, in [-1, 1].
        p_value: two-sided, of orders that have nothing to do with each other.
    """

    tau: float
    p_value: float


class Resampled(NamedTuple):
    """Rank correlations by seeds that are drawn again.

    Attributes:
        taus: ``[D]`` tau-b of each draw; 0 where a side has all methods tied.
        every: whether these are all draws that there are.
    """

    taus: Doubles
    every: bool


def kendall(first: Doubles, second: Doubles) -> Kendall:
    """Return Kendall's tau-b of the means of ``[M, S]`` and ``[M, T]``, a row a method.

    Kendall, Biometrika 33, 1945; the p-value is exact where no means are tied (scipy).
    """
    from scipy.stats import kendalltau  # takes long to import

    found = kendalltau(means(first), means(second))
    return Kendall(round(float(found.statistic), _DECIMALS), float(found.pvalue))


def means(values: Doubles) -> Doubles:
    """Return the mean ``[..., M]`` of ``[..., M, S]`` over the seeds; equal ones are so exactly."""
    return np.asarray(values.mean(axis=-1).round(_DECIMALS), np.float64)


def pair_signs(values: Doubles) -> Signs:
    """Return of each pair of ``[..., M]`` 1 if its first is ahead, -1 if behind, 0 if tied.

    The pairs ``[..., P]`` are those of ``np.triu_indices(M, 1)``.
    """
    rows, columns = np.triu_indices(values.shape[-1], 1)
    return np.sign(values[..., rows] - values[..., columns]).astype(np.int8)


def resampled_taus(
    first: Doubles, second: Doubles, *, samples: int = 10_000, seed: int = 0
) -> Resampled:
    """Return tau-b of the means by seeds that are drawn with replacement, for all methods at once.

    All draws are taken where there are at most ``MOST_DRAWS``: of three seeds a side 27 x 27.

    Args:
        first: ``[M, S]`` a row a method, a column a seed; what has one column stays as it is.
        second: ``[M, T]`` of the same methods.
        samples: number of draws where not all are taken.
        seed: seeds them.
    """
    every, draws = _draws((first.shape[1], second.shape[1]), samples, seed)
    size = max(1, BATCH // len(first) ** 2)
    parts = [
        _taus(*(_signs(v, d[n : n + size]) for v, d in zip((first, second), draws, strict=True)))
        for n in range(0, len(draws[0]), size)
    ]
    return Resampled(np.concatenate(parts), every)


def agreement_of_seeds(values: Doubles) -> float | None:
    """Return the mean tau-b of the orders of two single seeds of ``[M, S]``; None of one seed."""
    rows, columns = np.triu_indices(values.shape[1], 1)
    if not len(rows):
        return None
    signs = pair_signs(values.T.round(_DECIMALS))
    return float(_taus(signs[rows], signs[columns]).mean())


def _draws(counts: tuple[int, int], samples: int, seed: int) -> tuple[bool, tuple[Ints, Ints]]:
    """Return whether all draws are taken, and the seeds that each takes of both sides."""
    if counts[0] ** counts[0] * counts[1] ** counts[1] <= MOST_DRAWS:
        a, b = (np.array(list(product(range(n), repeat=n)), np.int64) for n in counts)
        return True, (np.repeat(a, len(b), axis=0), np.tile(b, (len(a), 1)))
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, n, (samples, n)) for n in counts)
    return False, (a, b)


def _signs(values: Doubles, draws: Ints) -> Signs:
    """Return the signs ``[D, P]`` of the means of ``[M, S]`` by draws ``[D, S]`` of its seeds."""
    return pair_signs(means(np.moveaxis(values[:, draws], 1, 0)))


def _taus(first: Signs, second: Signs) -> Doubles:
    """Return tau-b of each row of signs ``[D, P]``; 0 where a side has no order."""
    untied = np.count_nonzero(first, axis=1) * np.count_nonzero(second, axis=1)
    agreeing = np.sum(first * second, axis=1, dtype=np.int64)
    taus = agreeing / np.sqrt(np.maximum(untied, 1))
    return np.asarray(taus.round(_DECIMALS), np.float64)
