"""Repeated measurements: over the splits of a dataset, the folds, or the seeds of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec import Struct, structs

from reidbench.errors import ReidbenchError
from reidbench.evaluation.scores import Denominator, Doubles, Scores

_FEW = 8
"""From so many values on numpy adds in another order."""


class Spread(Struct, frozen=True):
    """A repeated measurement; a struct, as a leaderboard makes very many.

    Attributes:
        mean: the arithmetic mean.
        sd: the sample standard deviation (n - 1); None of a single value.
        n: number of values.
    """

    mean: float
    sd: float | None
    n: int

    def scaled(self, factor: float) -> Spread:
        """Return it in another unit."""
        sd = None if self.sd is None else factor * self.sd
        return Spread(factor * self.mean, sd, self.n)

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the fields by name, ready for JSON."""
        return structs.asdict(self)


def spread(values: Sequence[float]) -> Spread:
    """Return mean, standard deviation and number of ``values``.

    Raises:
        ReidbenchError: if there is none.
    """
    if not len(values):
        raise ReidbenchError("no values to take the mean of")
    if len(values) < _FEW:
        return _spread_of_few(list(map(float, values)))
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)), len(values))


def _spread_of_few(values: Sequence[float]) -> Spread:
    """Return to the last bit what numpy would, in a tenth of its time.

    The sums are loops, as Python's own compensates for rounding from 3.12 on.
    """
    count, total, squares = len(values), 0.0, 0.0
    for value in values:
        total += value
    mean = total / count
    if count == 1:
        return Spread(mean, None, 1)
    for value in values:
        squares += (value - mean) * (value - mean)
    return Spread(mean, math.sqrt(squares / (count - 1)), count)


@dataclass(frozen=True, eq=False)
class Trials:
    """The scores of several splits or folds; each split weighs the same.

    Attributes:
        scores: one a split, at least one.
    """

    scores: tuple[Scores, ...]

    def __post_init__(self) -> None:
        """Raise ``ReidbenchError`` if there is no split."""
        if not self.scores:
            raise ReidbenchError("no splits to merge")

    def measures(self, over: Denominator = "valid") -> dict[str, Spread]:
        """Return every measure's mean and spread over the splits."""
        each = [s.measures(over) for s in self.scores]
        return {name: spread([m[name] for m in each]) for name in each[0]}

    @property
    def cmc(self) -> Doubles:
        """The mean curve, as long as the largest gallery; a shorter one stays at its end."""
        points = max(s.gallery for s in self.scores)
        curves = [np.pad(s.cmc, (0, points - s.gallery), mode="edge") for s in self.scores]
        mean: Doubles = np.mean(curves, axis=0)
        return mean

    def to_dict(self) -> dict[str, Any]:
        """Return the mean measures as one split's scores have them, and each split's own.

        Queries are counted over all splits, the gallery is the largest, and "spread" has mean,
        standard deviation and number of splits of each measure.
        """
        spreads = self.measures()
        return {
            **{name: s.mean for name, s in spreads.items()},
            "over_all_queries": {n: s.mean for n, s in self.measures("all").items()},
            "queries": sum(s.queries for s in self.scores),
            "valid_queries": sum(s.valid_queries for s in self.scores),
            "gallery": max(s.gallery for s in self.scores),
            "ties": self.scores[0].ties,
            "cmc": self.cmc.tolist(),
            "spread": {name: s.to_dict() for name, s in spreads.items()},
            "splits": [s.to_dict() for s in self.scores],
        }
