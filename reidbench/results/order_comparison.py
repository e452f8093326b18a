"""Orders of the same methods compared: of two benchmarks, or of a benchmark and a paper.

The orders of the means are compared by Kendall's tau-b, as "Is Synthetic Dataset Reliable for
Benchmarking Generalizable Person Re-Identification?", arXiv:2209.05047, compares the rankings of
algorithms on each pair of rendered and real datasets. That paper then tests whether the values
between rendered and real datasets are distributed as those between real ones. Here seeds give each
value an interval, and pairs of methods that the seeds tell apart are counted by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation.rank_correlation import (
    Signs,
    agreement_of_seeds,
    kendall,
    means,
    pair_signs,
    resampled_taus,
)
from reidbench.evaluation.scores import Doubles
from reidbench.results.comparison import FEW_SEEDS, LEVEL
from reidbench.results.differences import told_apart
from reidbench.results.measures import PRIMARY
from reidbench.results.orders import LEAST, Order, SharedMethods, shared
from reidbench.results.rankings import (
    Correlation,
    MethodPlaces,
    Pairs,
    RankComparison,
    Rankings,
    Side,
)

FEW_METHODS = {3: "three", 4: "twelve"}
"""Numbers of methods whose equal or opposite orders are no evidence: they come by chance once in so
many times."""


def compare_orders(
    first: Order,
    second: Order,
    *,
    measure: str = PRIMARY,
    samples: int = 10_000,
    seed: int = 0,
) -> RankComparison:
    """Compare the orders of the methods that two orders share.

    Args:
        first: of a benchmark or of a paper's table.
        second: the other.
        measure: that both are ordered by.
        samples: number of draws of the seeds where not all are taken.
        seed: seeds them.

    Raises:
        UsageError: if they share fewer than three methods.
        ReidbenchError: if one has all of them tied.
    """
    both = shared(first, second)
    _refuse_few(first, second, both)
    names = [a if a == b else f"{a} ({b})" for a, b in both.names]
    centres = [means(side) for side in both.values]
    signs = [pair_signs(each) for each in centres]
    _refuse_tied(first, second, signs)
    apart = [_apart(o, v, s) for o, v, s in zip((first, second), both.values, signs, strict=True)]
    sure = apart[0] & apart[1]
    return RankComparison(
        _side(first, second, both, 0),
        _side(second, first, both, 1),
        measure,
        _methods(names, *centres),
        _correlation(both.values, samples, seed),
        _pairs(*signs),
        _pairs(signs[0][sure], signs[1][sure]),
        tuple(_contradictions(names, sure & (signs[0] * signs[1] < 0))),
        tuple(_notes(first, second, len(names))),
    )


def compare_pairs(
    pairs: Sequence[tuple[Order, Order]],
    *,
    measure: str = PRIMARY,
    samples: int = 10_000,
    seed: int = 0,
) -> Rankings:
    """Compare each pair of orders that share three methods, not all tied; others are left out."""
    found = tuple(
        compare_orders(*pair, measure=measure, samples=samples, seed=seed)
        for pair in pairs
        if _comparable(shared(*pair))
    )
    return Rankings(found, measure, LEVEL, samples, seed)


def _comparable(both: SharedMethods) -> bool:
    return len(both.names) >= LEAST and all(pair_signs(means(side)).any() for side in both.values)


def _refuse_few(first: Order, second: Order, both: SharedMethods) -> None:
    """Raise ``UsageError``, naming them, if two orders share fewer than three methods."""
    if (count := len(both.names)) < LEAST:
        named = f" ({', '.join(a for a, _ in both.names)})" if count else ""
        raise UsageError(
            f"'{first.name}' and '{second.name}' share {count or 'no'} ranked "
            f"method{'' if count == 1 else 's'}{named}: orders are compared from {LEAST} on"
        )


def _refuse_tied(first: Order, second: Order, signs: Sequence[Signs]) -> None:
    for order, each in zip((first, second), signs, strict=True):
        if not each.any():
            raise ReidbenchError(f"on '{order.name}' all methods score alike: there is no order")


def _apart(order: Order, values: Doubles, signs: Signs) -> NDArray[np.bool_]:
    """Return which pairs an order tells apart; what a paper prints is taken as it is."""
    return np.asarray(signs != 0) if order.reported else told_apart(values)


def _methods(names: Sequence[str], first: Doubles, second: Doubles) -> tuple[MethodPlaces, ...]:
    rows = zip(names, first.tolist(), second.tolist(), _places(first), _places(second), strict=True)
    return tuple(MethodPlaces(name, (a, b), (p, q)) for name, a, b, p, q in rows)


def _places(centres: Doubles) -> list[int]:
    return [1 + int(np.count_nonzero(centres > each)) for each in centres]


def _side(order: Order, other: Order, both: SharedMethods, number: int) -> Side:
    names = {pair[number] for pair in both.names}
    theirs = {name for method in other.methods for name in method.recipes}
    left = (f"{name}: {why}" for name, why in order.left_out.items() if name in theirs)
    return Side(
        order.name,
        order.title,
        order.seeds,
        agreement_of_seeds(both.values[number]),
        tuple(m.name for m in order.methods if m.name not in names),
        tuple(left),
    )


def _correlation(values: tuple[Doubles, Doubles], samples: int, seed: int) -> Correlation:
    found = kendall(*values)
    if max(side.shape[1] for side in values) < 2:
        return Correlation(*found, None, None, every=True)
    drawn = resampled_taus(*values, samples=samples, seed=seed)
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(drawn.taus, ends, method="inverted_cdf")  # taus that were drawn
    return Correlation(*found, float(low), float(high), drawn.every)


def _pairs(first: Signs, second: Signs) -> Pairs:
    products = first * second
    return Pairs(int((products > 0).sum()), int((products < 0).sum()), len(products))


def _contradictions(names: Sequence[str], against: NDArray[np.bool_]) -> Iterator[tuple[str, str]]:
    """Yield the pairs that are ``against``; names stand in the order of the first side."""
    rows, columns = np.triu_indices(len(names), 1)
    for pair in np.flatnonzero(against).tolist():
        yield names[rows[pair]], names[columns[pair]]


def _notes(first: Order, second: Order, count: int) -> Iterator[str]:
    """Yield what a reader should know besides the numbers."""
    if count == LEAST:
        yield f"{count} methods have 3 pairs: tau can only be -1, -1/3, 1/3 or 1."
    if count in FEW_METHODS:
        yield (
            f"{count} methods decide nothing: by chance their orders are alike or opposite once in "
            f"{FEW_METHODS[count]}."
        )
    for order in (first, second):
        n = len(order.seeds)
        if n == 1:
            yield f"{order.name} has one seed: it is held fixed and tells no methods apart."
        elif 1 < n < FEW_SEEDS:
            yield (
                f"{order.name} has {n} seeds, which can be drawn in {n**n} ways: its part of the "
                "interval is too narrow, and few methods are told apart."
            )
