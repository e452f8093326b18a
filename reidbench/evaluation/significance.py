"""Is one result better than another? Both tests pair the queries and keep each person whole.

Queries of one person succeed and fail together, so that persons, not queries, are what is
resampled and swapped; counting queries as independent makes intervals too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.evaluation.features import Ints
from reidbench.evaluation.scores import Doubles, Scores

Measure = Literal["mAP", "mAP_trapezoid", "mINP", "rank1", "rank5", "rank10", "rank20"]

BATCH = 2**22
"""Random numbers held at a time."""


@dataclass(frozen=True)
class Comparison:
    """How much better the first of two results is, over the valid queries.

    Attributes:
        measure: what was compared.
        difference: first minus second, as a fraction.
        low: lower end of the bootstrap interval of the difference.
        high: upper end of it.
        level: coverage of the interval.
        p_value: two-sided, of the randomisation test.
        queries: number of queries paired.
        persons: number of persons, which were resampled.
    """

    measure: Measure
    difference: float
    low: float
    high: float
    level: float
    p_value: float
    queries: int
    persons: int

    def to_dict(self) -> dict[str, str | float | int]:
        """Return the fields by name, ready for JSON."""
        return asdict(self)


def compare(
    first: Scores,
    second: Scores,
    measure: Measure = "mAP",
    *,
    level: float = 0.95,
    samples: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Compare two results on the same queries.

    Args:
        first: one result.
        second: the other, on the same queries in the same order.
        measure: what to compare.
        level: coverage of the interval, in (0, 1).
        samples: number of resamples and of random swaps.
        seed: seeds them.

    Raises:
        ReidbenchError: if the results are of different queries.
        UsageError: if the measure is unknown.
    """
    if not (_equal(first.pid, second.pid) and _equal(first.valid, second.valid)):
        raise ReidbenchError(
            "the two results are not of the same queries in the same order, so they cannot be "
            "paired; compare results of one benchmark and protocol"
        )
    gains = (_per_query(first, measure) - _per_query(second, measure))[first.valid]
    persons = first.pid[first.valid]
    low, high = bootstrap_interval(gains, persons, level=level, samples=samples, seed=seed)
    p_value = randomisation_test(gains, persons, samples=samples, seed=seed)
    people = len(np.unique(persons))
    mean = float(gains.mean())
    return Comparison(measure, mean, low, high, level, p_value, len(gains), people)


def bootstrap_interval(
    gains: Doubles,
    persons: Ints,
    *,
    level: float = 0.95,
    samples: int = 10_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval of the mean gain, resampling persons with replacement.

    Args:
        gains: ``[Q]`` difference of each query.
        persons: ``[Q]`` whose query it is.
        level: coverage, in (0, 1).
        samples: number of resamples.
        seed: seeds them.
    """
    sums, counts = _by_person(gains, persons)
    rng, people = np.random.default_rng(seed), len(sums)
    drawn = (rng.integers(0, people, (n, people)) for n in _batches(samples, people))
    means = [sums[d].sum(axis=1) / counts[d].sum(axis=1) for d in drawn]
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(np.concatenate(means), tails)
    return float(low), float(high)


def randomisation_test(
    gains: Doubles, persons: Ints, *, samples: int = 10_000, seed: int = 0
) -> float:
    """Return the two-sided p-value of the mean gain, swapping the results person by person.

    The observed labelling counts as one of the swaps, so the least value is 1 / (samples + 1).

    Args:
        gains: ``[Q]`` difference of each query.
        persons: ``[Q]`` whose query it is.
        samples: number of random swaps.
        seed: seeds them.
    """
    sums, _ = _by_person(gains, persons)
    rng, people = np.random.default_rng(seed), len(sums)
    # Sums that are equal in exact arithmetic must not differ by the order of addition.
    observed = abs(sums.sum()) - 1e-12 * np.abs(sums).sum()
    reached = 0
    for n in _batches(samples, people):
        signs = 1 - 2 * rng.integers(0, 2, (n, people))
        reached += int((np.abs(signs @ sums) >= observed).sum())
    return (1 + reached) / (1 + samples)


def _per_query(scores: Scores, measure: Measure) -> Doubles:
    if measure not in get_args(Measure):
        raise UsageError(f"no measure '{measure}'{did_you_mean(measure, get_args(Measure))}")
    if measure.startswith("rank"):
        met: NDArray[np.bool_] = scores.first <= int(measure.removeprefix("rank"))
        return met.astype(np.float64)
    return {"mAP": scores.ap, "mAP_trapezoid": scores.ap_trapezoid, "mINP": scores.inp}[measure]


def _by_person(gains: Doubles, persons: Ints) -> tuple[Doubles, Ints]:
    index = np.unique(persons, return_inverse=True)[1]
    sums: Doubles = np.bincount(index, gains).astype(np.float64, copy=False)
    return sums, np.bincount(index).astype(np.int64, copy=False)


def _batches(samples: int, people: int) -> Iterator[int]:
    size = max(1, BATCH // people)
    for start in range(0, samples, size):
        yield min(size, samples - start)


def _equal(a: NDArray[np.generic], b: NDArray[np.generic]) -> bool:
    return bool(np.array_equal(a, b))
