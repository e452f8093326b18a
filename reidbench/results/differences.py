"""Differences of ranked recipes over the same seeds, corrected for being many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

from reidbench.evaluation.scores import Doubles
from reidbench.evaluation.significance import holm, paired_t, pairwise_t
from reidbench.results.gap import Gap, is_direct
from reidbench.results.result import Result

LEVEL = 0.95
"""Coverage of the intervals; what is told apart is so at the level 1 - ``LEVEL``."""
MOST = 1000
"""Recipes of one board that are tested in pairs; Holm's correction would leave more nothing."""


@dataclass(frozen=True)
class Gain:
    """The mAP of a recipe minus that of direct transfer with the same learner and seeds.

    Attributes:
        mean: over the seeds, as a fraction.
        low: lower end of its interval by Student's t of the paired differences; None of one seed.
        high: upper end.
        p_value: two-sided, by Holm's correction for all gains of the board; None of one seed.
    """

    mean: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


def gains(groups: Sequence[Sequence[Result]], gap: Gap) -> list[Gain | None]:
    """Return the gain of each recipe over direct transfer.

    None for direct transfer itself, and where its learner was not measured on the source.

    Args:
        groups: results of each recipe, one a seed.
        gap: knows direct transfer of each seed.
    """
    found = [_gain(group, gap) for group in groups]
    tested = [g.p_value for g in found if g is not None and g.p_value is not None]
    corrected = iter(holm(np.array(tested)).tolist())
    return [
        g if g is None or g.p_value is None else Gain(g.mean, g.low, g.high, float(next(corrected)))
        for g in found
    ]


def not_told_apart(scores: Sequence[Sequence[float]]) -> list[str]:
    """Return the letters of the groups that each recipe is in.

    A group is as long a run of recipes, in the order of their means, as no test tells apart:
    Student's paired t over the seeds, by Holm's correction for all pairs. Its letter stands at
    each of them, as the bars of a critical-difference diagram do. Empty where nothing is tested:
    recipes of one seed, and more than ``MOST`` of them.

    Args:
        scores: of each recipe one a seed, the seeds in the same order, the best recipe first.
    """
    if not 2 <= len(scores) <= MOST or min(map(len, scores)) < 2:
        return [""] * len(scores)
    apart = np.zeros((len(scores), len(scores)), np.bool_)
    apart[np.triu_indices(len(scores), 1)] = told_apart(np.array(scores, np.float64))
    letters: list[list[str]] = [[] for _ in scores]
    for number, run in enumerate(_runs(apart)):
        for row in run:
            letters[row].append(_letter(number))
    return [" ".join(each) for each in letters]


def told_apart(scores: Doubles) -> NDArray[np.bool_]:
    """Return whether Student's paired t over the seeds tells a pair of methods apart.

    By Holm's correction for all pairs. One seed tells none apart, and of more than ``MOST`` methods
    none are tested.

    Args:
        scores: ``[M, N]`` a row a method, a column a seed.

    Returns:
        ``[P]``, the pairs as ``np.triu_indices(M, 1)`` lists them.
    """
    pairs = np.triu_indices(len(scores), 1)
    if len(scores) > MOST or scores.shape[1] < 2:
        return np.zeros(len(pairs[0]), np.bool_)
    return np.asarray(holm(pairwise_t(scores)[pairs]) < 1 - LEVEL)


def _gain(group: Sequence[Result], gap: Gap) -> Gain | None:
    known = [g for g in map(gap.gain, sorted(group, key=lambda r: r.seed)) if g is not None]
    if is_direct(group[0]) or len(known) < len(group):
        return None
    if len(known) < 2:
        return Gain(known[0])
    return Gain(sum(known) / len(known), *paired_t(known, LEVEL))


def _runs(apart: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> Iterator[range]:
    """Yield each longest run of rows of which no two are told apart by ``[M, M]``."""
    rows = np.arange(len(apart))
    nearest = np.where(np.triu(apart, 1), rows[:, None], -1).max(axis=0)  # above each row
    starts = np.maximum.accumulate(nearest + 1).tolist()  # of the longest run that ends there
    for end, start in enumerate(starts):
        if end + 1 == len(starts) or starts[end + 1] > start:
            yield range(start, end + 1)


def _letter(number: int) -> str:
    return ascii_lowercase[number % 26] * (number // 26 + 1)
