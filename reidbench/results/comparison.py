"""Two results beside each other: how much they differ, over queries and over seeds.

Over queries asks whether these trained models would differ as much on other persons; over seeds,
whether models trained anew would. Only like is compared with like. No torch, no plugins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec import to_builtins

from reidbench.errors import ReidbenchError
from reidbench.evaluation.scores import Doubles
from reidbench.evaluation.significance import (
    ROUNDING,
    bootstrap_interval,
    paired_t,
    randomisation_test,
)
from reidbench.evaluation.trials import Spread, spread
from reidbench.results.compared_methods import (
    ComparedMethod,
    Queries,
    SeedScores,
    refuse_unlike,
)
from reidbench.results.measures import COMPARED
from reidbench.results.notebook import Notebook
from reidbench.results.numbers import listed
from reidbench.storage.keys import JSON

LEVEL = 0.95
"""Coverage of every interval."""
FEW_SEEDS = 5
"""Least number of seeds: with fewer, their interval is wider than most differences of methods."""
FEW_PERSONS = 20
"""Least number of persons: with fewer, resampled intervals cover less than they say."""


@dataclass(frozen=True)
class Difference:
    """The first minus the second, as a fraction, with its interval and p-value.

    Attributes:
        low: lower end of the interval.
        high: upper end of the interval.
        p_value: two-sided.
    """

    difference: float
    low: float
    high: float
    p_value: float

    @property
    def shown(self) -> bool:
        """True if the interval leaves out 0, and not by rounding."""
        return self.low > ROUNDING or self.high < -ROUNDING


@dataclass(frozen=True)
class SeedComparison:
    """One model against one other.

    Attributes:
        seeds: of the first and of the second; None where it is not known.
        first: measure of the first.
        second: measure of the second.
        over_queries: bootstrap interval, clustered by person, and randomisation test.
    """

    seeds: tuple[int | None, int | None]
    first: float
    second: float
    over_queries: Difference


@dataclass(frozen=True)
class MeasureComparison:
    """One measure of both.

    Attributes:
        first: over the seeds.
        second: over the seeds.
        difference: over the seeds, paired.
        over_seeds: interval by Student's t of the paired differences; None of a single seed.
        over_queries: of each query's mean over the seeds, as :class:`SeedComparison` has it.
        by_seed: each seed by itself.
    """

    first: Spread
    second: Spread
    difference: Spread
    over_seeds: Difference | None
    over_queries: Difference
    by_seed: tuple[SeedComparison, ...]


@dataclass(frozen=True)
class Comparison(Notebook):
    """Everything that a comparison says.

    Attributes:
        first: what was compared.
        second: what it was compared with.
        queries: that have a match, over all splits.
        persons: whose queries they are.
        measures: by name, mAP first.
        level: coverage of the intervals.
        samples: number of resamples and of random swaps.
        seed: seeded them.
        notes: what a reader should know besides, in sentences.
    """

    first: ComparedMethod
    second: ComparedMethod
    queries: int
    persons: int
    measures: Mapping[str, MeasureComparison]
    level: float
    samples: int
    seed: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, JSON]:
        """Return it ready for JSON, with measures as fractions in [0, 1]."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return values | {
            "first": self.first.to_dict(),
            "second": self.second.to_dict(),
            "measures": {name: to_builtins(m) for name, m in self.measures.items()},
            "notes": list(self.notes),
        }


def contrast(
    first: ComparedMethod, second: ComparedMethod, *, samples: int = 10_000, seed: int = 0
) -> Comparison:
    """Compare two methods by each measure, seed by seed and over all of them.

    Args:
        first: whom a positive difference speaks for.
        second: the other.
        samples: number of resamples and of random swaps.
        seed: seeds them.

    Raises:
        ReidbenchError: if they are not of the same benchmark, protocol, data or queries, or have
            no seed in common.
    """
    refuse_unlike(first, second)
    pairs = _paired(first, second)
    queries = pairs[0][0].queries
    gains = np.stack([a.queries.values - b.queries.values for a, b in pairs])
    found = _over_queries(gains, queries, samples, seed)
    measures: dict[str, MeasureComparison] = {
        name: _compared(pairs, m, [row[m] for row in found]) for m, name in enumerate(COMPARED)
    }
    people = len(np.unique(queries.persons))
    notes = tuple(_notes(first, second, [(a.seed, b.seed) for a, b in pairs], people))
    return Comparison(
        first, second, len(queries.persons), people, measures, LEVEL, samples, seed, notes
    )


def _paired(first: ComparedMethod, second: ComparedMethod) -> list[tuple[SeedScores, SeedScores]]:
    """Return the trials of both by seed; single ones are paired whatever their seeds."""
    if len(first.trials) == len(second.trials) == 1:
        return [(first.trials[0], second.trials[0])]
    theirs = {t.seed: t for t in second.trials}
    pairs = [(t, theirs[t.seed]) for t in first.trials if t.seed in theirs]
    if not pairs:
        raise ReidbenchError(
            f"'{first.name}' and '{second.name}' have no seed in common: "
            f"{_seeds(first.seeds)} and {_seeds(second.seeds)}; compare two files instead"
        )
    return pairs


def _over_queries(
    gains: Doubles, queries: Queries, samples: int, seed: int
) -> list[list[Difference]]:
    """Return the differences of ``gains`` ``[S, Q, M]``, a row a seed and then of their mean.

    All are resampled together, so that a person is drawn equally often in each.
    """
    rows = np.concatenate([gains, gains.mean(axis=0, keepdims=True)])
    columns = np.moveaxis(rows, 1, 0).reshape(rows.shape[1], -1)
    how: dict[str, Any] = {"weights": queries.weights, "samples": samples, "seed": seed}
    low, high = bootstrap_interval(columns, queries.persons, level=LEVEL, **how)
    p_values = randomisation_test(columns, queries.persons, **how)
    flat = zip(queries.weights @ columns, low, high, p_values, strict=True)
    found = [Difference(*map(float, values)) for values in flat]
    size = rows.shape[2]
    return [found[i : i + size] for i in range(0, len(found), size)]


def _compared(
    pairs: Sequence[tuple[SeedScores, SeedScores]], m: int, over_queries: Sequence[Difference]
) -> MeasureComparison:
    """Return measure number ``m`` of all pairs, given its differences by seed and of their mean."""
    values = [(float(a.queries.means[m]), float(b.queries.means[m])) for a, b in pairs]
    differences = [a - b for a, b in values]
    over_seeds = None
    if len(pairs) > 1:
        mean = sum(differences) / len(differences)
        over_seeds = Difference(mean, *paired_t(differences, LEVEL))
    by_seed = [
        SeedComparison((a.seed, b.seed), *both, difference)
        for (a, b), both, difference in zip(pairs, values, over_queries[:-1], strict=True)
    ]
    first, second = (spread(side) for side in zip(*values, strict=True))
    return MeasureComparison(
        first, second, spread(differences), over_seeds, over_queries[-1], tuple(by_seed)
    )


def _notes(
    first: ComparedMethod,
    second: ComparedMethod,
    seeds: Sequence[tuple[int | None, int | None]],
    people: int,
) -> Iterator[str]:
    """Yield what a reader should know besides the numbers."""
    for what, ours in first.remarks.items():
        theirs = second.remarks.get(what, ours)
        if what != "recipe" and ours != theirs:
            yield f"They differ in {what}: A has {ours or 'none'}, B has {theirs or 'none'}."
    used = [set(side) for side in zip(*seeds, strict=True)]
    for method, paired in zip((first, second), used, strict=True):
        if others := [s for s in method.seeds if s not in paired]:
            yield f"{_seeds(others).capitalize()} of {method.name} has no counterpart."
    if len(seeds) == 1:
        yield "One model each: whether others trained alike would differ so, this cannot tell."
    elif len(seeds) < FEW_SEEDS:
        yield f"{len(seeds)} seeds alone decide little: only a very large difference would show."
    if people < FEW_PERSONS:
        yield f"With {people} persons the intervals over queries are too narrow."


def _seeds(seeds: Sequence[int | None]) -> str:
    known = [s for s in seeds if s is not None]
    if not known:
        return "no known seed"
    return f"seed{'s' if len(known) > 1 else ''} {listed(known)}"
