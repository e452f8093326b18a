"""Tests whether one result is better than another: both pair queries and keep persons whole.

Queries of one person succeed and fail together, so that persons, not queries, are what is
resampled and swapped; counting queries as independent makes intervals too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import UsageError, did_you_mean
from reidbench.evaluation.features import Ints
from reidbench.evaluation.scores import Doubles, Scores
from reidbench.evaluation.trials import spread

Measure = Literal["mAP", "mAP_trapezoid", "mINP", "rank1", "rank5", "rank10", "rank20"]

BATCH = 2**22
"""Random numbers held at a time."""
ROUNDING = 1e-12
"""Differences of measures that are smaller are those of the order of addition."""


def bootstrap_interval(
    gains: Doubles,
    persons: Ints,
    *,
    weights: Doubles | None = None,
    level: float = 0.95,
    samples: int = 10_000,
    seed: int = 0,
) -> tuple[Doubles, Doubles]:
    """Return the percentile interval of the mean gain, resampling persons with replacement.

    Args:
        gains: ``[Q]`` difference of each query, or ``[Q, K]`` several, resampled together.
        persons: ``[Q]`` whose query it is.
        weights: ``[Q]`` what each query counts in the mean; all the same if None.
        level: coverage, in (0, 1).
        samples: number of resamples.
        seed: seeds them.

    Returns:
        The lower and the upper end, ``[]`` or ``[K]``.
    """
    sums, totals = _by_person(gains, persons, weights)
    rng, people = np.random.default_rng(seed), len(sums)
    means = []
    for n in _batches(samples, people):
        drawn = rng.integers(0, people, (n, people)) + people * np.arange(n)[:, None]
        times = np.bincount(drawn.ravel(), minlength=n * people).reshape(n, people).astype(float)
        means.append((times @ sums).T / (times @ totals))
    low, high = np.quantile(np.concatenate(means, -1), [(1 - level) / 2, (1 + level) / 2], axis=-1)
    return low, high


def randomisation_test(
    gains: Doubles,
    persons: Ints,
    *,
    weights: Doubles | None = None,
    samples: int = 10_000,
    seed: int = 0,
) -> Doubles:
    """Return the two-sided p-value of the mean gain, swapping the results person by person.

    The observed labelling counts as one of the swaps, so the least value is 1 / (samples + 1).

    Args:
        gains: ``[Q]`` difference of each query, or ``[Q, K]`` several, swapped together.
        persons: ``[Q]`` whose query it is.
        weights: ``[Q]`` what each query counts in the mean; all the same if None.
        samples: number of random swaps.
        seed: seeds them.

    Returns:
        The p-values, ``[]`` or ``[K]``.
    """
    sums, _ = _by_person(gains, persons, weights)
    rng, people = np.random.default_rng(seed), len(sums)
    # Sums that are equal in exact arithmetic must not differ by the order of addition.
    observed = np.abs(sums.sum(axis=0)) - ROUNDING * np.abs(sums).sum(axis=0)
    reached = np.ones(observed.shape)
    for n in _batches(samples, people):
        signs = 1.0 - 2 * rng.integers(0, 2, (n, people))
        reached += (np.abs(signs @ sums) >= observed).sum(axis=0)
    return reached / (1 + samples)


def paired_t(differences: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Return the interval of the mean difference by Student's t, and its two-sided p-value.

    Args:
        differences: one for each seed, at least two.
        level: coverage, in (0, 1).

    Returns:
        The lower end, the upper end and the p-value. Differences that are all the same leave no
        doubt: the interval is their value, and p is 0, or 1 where they are 0.
    """
    n, found = len(differences), spread(differences)
    return _by_t(found.mean, (found.sd or 0.0) / n**0.5, n - 1, level)


def blocked_t(values: Doubles, level: float = 0.95) -> tuple[float, float, float]:
    """Return the interval of the first row's mean minus the second's, by the spread of all rows.

    A seed shifts all rows alike, and what is left has one spread, which all rows tell together
    (randomised complete blocks), with (M - 1) (N - 1) degrees of freedom. Of two rows it is
    :func:`paired_t`.

    Args:
        values: ``[M, N]`` a row a method, a column a seed; at least two of each.
        level: coverage, in (0, 1).

    Returns:
        The lower end, the upper end and the two-sided p-value.
    """
    methods, seeds = values.shape
    left = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    freedom = (methods - 1) * (seeds - 1)
    error = float(np.sqrt(2 * np.square(left).sum() / freedom / seeds))
    return _by_t(float(values[0].mean() - values[1].mean()), error, freedom, level)


def _by_t(mean: float, error: float, freedom: int, level: float) -> tuple[float, float, float]:
    """Return the interval and p-value of a mean with this standard error."""
    # scipy.stats takes long to import.
    from scipy.special import stdtr, stdtrit

    if error < ROUNDING:
        return mean, mean, float(abs(mean) < ROUNDING)
    half = error * float(stdtrit(freedom, (1 + level) / 2))
    return mean - half, mean + half, 2 * float(stdtr(freedom, -abs(mean) / error))


def pairwise_t(values: Doubles) -> Doubles:
    """Return the two-sided p-value of Student's paired t of each pair of rows, ``[M, M]``.

    Args:
        values: ``[M, N]`` a row a method, a column a seed; at least two seeds.

    Returns:
        As :func:`paired_t` has it; 1 on the diagonal.
    """
    from scipy.special import stdtr

    apart = values[:, None] - values[None]
    n, mean = values.shape[1], apart.mean(axis=-1)
    error = apart.std(axis=-1, ddof=1) / n**0.5
    sure = error < ROUNDING
    t = -np.abs(mean) / np.where(sure, 1.0, error)
    doubtless = np.abs(mean) < ROUNDING
    found: Doubles = np.where(sure, doubtless, 2 * stdtr(n - 1, t)).astype(np.float64)
    return found


def holm(p_values: Doubles) -> Doubles:
    """Return p-values ``[K]`` corrected for being ``K`` (Holm, Scand. J. Stat. 6, 1979).

    A hypothesis is rejected at a level if its corrected value is below it; the chance of any
    wrong rejection is then at most that level, however the tests depend on each other.
    """
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def per_query(scores: Scores, measure: Measure) -> Doubles:
    """Return the value ``[Q]`` of each query, of which the measure is the mean over valid ones.

    Raises:
        UsageError: if the measure is unknown.
    """
    if measure not in get_args(Measure):
        raise UsageError(f"no measure '{measure}'{did_you_mean(measure, get_args(Measure))}")
    if measure.startswith("rank"):
        met: NDArray[np.bool_] = scores.first <= int(measure.removeprefix("rank"))
        return met.astype(np.float64)
    return {"mAP": scores.ap, "mAP_trapezoid": scores.ap_trapezoid, "mINP": scores.inp}[measure]


def _by_person(gains: Doubles, persons: Ints, weights: Doubles | None) -> tuple[Doubles, Doubles]:
    """Return each person's weighted sum of gains, ``[P]`` or ``[P, K]``, and weight ``[P]``."""
    index = np.unique(persons, return_inverse=True)[1]
    counted = np.ones(len(gains)) if weights is None else weights
    columns = gains.T * counted
    flat = [
        np.bincount(index, column).astype(np.float64) for column in columns.reshape(-1, len(gains))
    ]
    totals = np.bincount(index, counted).astype(np.float64, copy=False)
    return np.stack(flat, axis=-1).reshape(len(totals), *gains.shape[1:]), totals


def _batches(samples: int, people: int) -> Iterator[int]:
    size = max(1, BATCH // people)
    for start in range(0, samples, size):
        yield min(size, samples - start)
