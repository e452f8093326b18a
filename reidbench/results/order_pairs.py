"""Pairs of orders, as a user names them or as they are at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, product
from pathlib import Path

from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.results.brief import load_all_in_brief
from reidbench.results.commands import advice
from reidbench.results.leaderboard import Leaderboard, Unranked, build
from reidbench.results.measures import MEASURES, PRIMARY
from reidbench.results.order_comparison import compare_orders, compare_pairs
from reidbench.results.orders import Order, measured_orders, reported_orders, shared, without
from reidbench.results.rankings import Rankings
from reidbench.results.reading import no_results
from reidbench.results.reported import load_recipes, load_reported
from reidbench.results.result import Result, uncollected

Pair = tuple[Order, Order]


def read_rankings(
    results: Path | Iterable[Result],
    names: Sequence[str] = (),
    *,
    measure: str = PRIMARY,
    ceilings: bool = False,
    left_out: Sequence[str] = (),
    samples: int = 10_000,
    seed: int = 0,
) -> Rankings:
    """Return how alike the orders of methods are that a folder of results and papers tell.

    Args:
        results: folder of results, or results.
        names: of no, one or two orders: benchmarks, and tables of papers as ``"spgan/table 1"``.
            One is compared with all others; without any each benchmark with each other and with
            each table.
        measure: one of ``measures.MEASURES``.
        ceilings: keep recipes that read the truth.
        left_out: names of methods to leave out.
        samples: number of draws of the seeds where not all are taken.
        seed: seeds them.

    Raises:
        UsageError: if a name or measure is unknown, or those named cannot be compared.
        ReidbenchError: if there is nothing to compare.
    """
    if measure not in MEASURES:
        raise UsageError(f"no measure is named '{measure}'{did_you_mean(measure, MEASURES)}")
    found = _read(results) if isinstance(results, Path) else list(results)
    board = build(found)
    measured = measured_orders(board, found, measure, ceilings=ceilings)
    reported = reported_orders(load_reported(), load_recipes(), measure)
    count = len(measured)
    orders = without([*measured, *reported], left_out)
    pairs = _chosen(names, orders[:count], orders[count:], board)
    rankings = compare_pairs(pairs, measure=measure, samples=samples, seed=seed)
    if not rankings:
        _refuse(names, pairs)
    return rankings


def pairs_at_hand(measured: Sequence[Order], reported: Sequence[Order]) -> list[Pair]:
    """Return each pair of benchmarks, and each benchmark with each table of a paper."""
    return [*combinations(measured, 2), *product(measured, reported)]


def between_benchmarks(board: Leaderboard, results: Sequence[Result]) -> Rankings:
    """Return how alike each two benchmarks of a leaderboard are that share three ranked methods."""
    return compare_pairs(list(combinations(measured_orders(board, results, PRIMARY), 2)))


def _read(root: Path) -> Sequence[Result]:
    with uncollected():
        found = load_all_in_brief(root).results
    if not found:
        raise no_results(root)
    return found


def _chosen(
    names: Sequence[str],
    measured: Sequence[Order],
    reported: Sequence[Order],
    board: Leaderboard,
) -> list[Pair]:
    if not names:
        return pairs_at_hand(measured, reported)
    sides = [_named(name, measured, reported, board.unranked) for name in names]
    if len(sides) == 1:
        pairs = pairs_at_hand(measured, reported)
        turned = [(a, b) if a in sides[0] else (b, a) for a, b in pairs]
        return [pair for pair in turned if pair[0] in sides[0]]
    if same := [order.name for order in sides[0] if order in sides[1]]:
        raise UsageError(f"'{same[0]}' cannot be compared with itself: name another benchmark")
    return list(product(sides[0], sides[1]))


def _named(
    name: str,
    measured: Sequence[Order],
    reported: Sequence[Order],
    unranked: Sequence[Unranked],
) -> list[Order]:
    found = [o for o in (*measured, *reported) if name in (o.name, o.table or o.name)]
    if found:
        return found
    if lacking := advice([u for u in unranked if u.setting.benchmark == name]):
        raise UsageError(f"nothing is ranked on benchmark '{name}': {lacking}")
    benchmarks = [order.name for order in measured]
    tables = list(dict.fromkeys(order.table for order in reported))
    near = did_you_mean(name, [*benchmarks, *tables])
    near = near if near.startswith("; did") else ""
    raise UsageError(
        f"'{name}' is neither a benchmark with ranked results nor a paper's table{near}; "
        f"benchmarks: {', '.join(benchmarks) or 'none'}; tables: {', '.join(tables) or 'none'}"
    )


def _refuse(names: Sequence[str], pairs: Sequence[Pair]) -> None:
    """Raise why none of the pairs can be compared."""
    if len(names) == 2:
        nearest = max(pairs, key=lambda pair: len(shared(*pair).names))
        compare_orders(*nearest)
    if names:
        raise ReidbenchError(f"no other order shares three ranked methods with '{names[0]}'")
    raise ReidbenchError(
        "no two benchmarks, and no benchmark and paper's table, share three ranked methods; "
        "see: reidbench leaderboard"
    )
