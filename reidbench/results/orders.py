"""Orders of methods: as a benchmark ranks them, and as a paper's table prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reidbench.errors import UsageError, did_you_mean
from reidbench.evaluation.scores import Doubles
from reidbench.results.groups import groups_of
from reidbench.results.leaderboard import CEILING, Board, Entry, Leaderboard, Unranked
from reidbench.results.reported import Reported
from reidbench.results.result import Result

LEAST = 3
"""Methods of which an order can be compared: two are in order or are not."""


@dataclass(frozen=True)
class OrderedMethod:
    """A method of an order.

    Attributes:
        name: of the leaderboard's row, learner and strategy with it, or of the paper's.
        recipes: names by which other orders have it, the nearest first.
        values: a measure as a fraction, one a seed; of a paper the one that it prints.
    """

    name: str
    recipes: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Order:
    """Methods in the order of a measure.

    Attributes:
        name: of the benchmark, or of the paper's table and its setting.
        table: of the paper, as ``"spgan/table 1"``; empty if a benchmark ranks it.
        title: benchmark and version, or the paper.
        seeds: of each method's values; empty if a paper reports them.
        methods: the best first.
        left_out: methods that the benchmark does not rank, by name, and why.
    """

    name: str
    table: str
    title: str
    seeds: tuple[int, ...]
    methods: tuple[OrderedMethod, ...]
    left_out: Mapping[str, str]

    @property
    def reported(self) -> bool:
        """True if a paper prints it."""
        return bool(self.table)


@dataclass(frozen=True, eq=False)
class SharedMethods:
    """Methods that two orders have, in the order of the first.

    Attributes:
        names: in the first and in the second.
        values: ``[M, S]`` of the first and ``[M, T]`` of the second.
    """

    names: tuple[tuple[str, str], ...]
    values: tuple[Doubles, Doubles]


def measured_orders(
    board: Leaderboard, results: Sequence[Result], measure: str, *, ceilings: bool = False
) -> list[Order]:
    """Return the order of the newest version of each benchmark that ranks anything.

    Args:
        board: of the results.
        results: of all benchmarks.
        measure: one of ``measures.MEASURES``.
        ceilings: keep recipes that read the truth.
    """
    newest: dict[str, Board] = {}
    for one in board.boards:
        newest.setdefault(one.setting.benchmark, one)
    return [_measured(one, results, board.unranked, measure, ceilings) for one in newest.values()]


def reported_orders(
    rows: Sequence[Reported], recipes: Mapping[tuple[str, str], tuple[str, ...]], measure: str
) -> list[Order]:
    """Return the order of each table of a paper, source and target that prints a measure.

    Rows that no recipe stands for are left out. What needs no source stands beside each source.

    Args:
        rows: everything that is reported.
        recipes: that stand for rows, by file and label.
        measure: one of ``measures.MEASURES``.
    """
    known = [r for r in rows if r.tested == "target" and (r.file, r.label) in recipes]
    told = [r for r in known if measure in r.measures]
    groups = dict.fromkeys((r.table, r.setting, r.protocol) for r in told if r.source)
    found = []
    for table, setting, protocol in groups:
        protocols = {p for t, s, p in groups if (t, s) == (table, setting)}
        name = ", ".join((table, setting, *([protocol] if len(protocols) > 1 else [])))
        same = [r for r in told if (r.table, r.protocol) == (table, protocol)]
        target = setting.rpartition(" ")[2]
        own = [r for r in same if r.setting in (setting, target)]
        methods = [_printed(r, recipes[r.file, r.label], measure) for r in own]
        found.append(Order(name, table, own[0].paper, (), _sorted(methods), {}))
    return found


def without(orders: Iterable[Order], names: Sequence[str]) -> list[Order]:
    """Return orders without some methods.

    Raises:
        UsageError: if no order has a method of such a name.
    """
    orders = list(orders)
    known = {name for order in orders for m in order.methods for name in (m.name, *m.recipes[:1])}
    ranked = {m.name for order in orders if not order.reported for m in order.methods}
    for name in names:
        if name not in known:
            near = did_you_mean(name, ranked)
            raise UsageError(f"no method to leave out is named '{name}'{near}")
    left = set(names)
    return [
        replace(o, methods=tuple(m for m in o.methods if not left & {m.name, *m.recipes[:1]}))
        for o in orders
    ]


def shared(first: Order, second: Order) -> SharedMethods:
    """Return the methods that both have, each once, by the names that are nearest to both."""
    near = sorted(
        (distance, i, j)
        for i, a in enumerate(first.methods)
        for j, b in enumerate(second.methods)
        if (distance := _distance(a, b)) is not None
    )
    pairs: dict[int, int] = {}
    for _, i, j in near:
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    both = [(first.methods[i], second.methods[j]) for i, j in sorted(pairs.items())]
    values = (
        np.array([a.values for a, _ in both], np.float64),
        np.array([b.values for _, b in both], np.float64),
    )
    return SharedMethods(tuple((a.name, b.name) for a, b in both), values)


def _measured(
    board: Board,
    results: Sequence[Result],
    unranked: Sequence[Unranked],
    measure: str,
    ceilings: bool,
) -> Order:
    groups = [g for g in groups_of(board, results) if ceilings or CEILING not in g[0].uses]
    names = [entry.recipe for entry, _ in groups]
    methods = [
        OrderedMethod(entry.recipe, _names(entry), tuple(r.measure(measure) for r in rs))
        for entry, rs in groups
        if names.count(entry.recipe) == 1
    ]
    left = {
        u.entry.recipe: u.reason
        for u in unranked
        if u.setting == board.setting and u.entry.recipe not in names
    }
    left |= {name: "several rows have this name" for name in names if names.count(name) > 1}
    setting = board.setting
    return Order(setting.benchmark, "", setting.title, setting.seeds, _sorted(methods), left)


def _names(entry: Entry) -> tuple[str, ...]:
    """Return the names of a recipe, which may have been run under several."""
    return tuple(entry.recipe.split(" = "))


def _printed(row: Reported, recipes: tuple[str, ...], measure: str) -> OrderedMethod:
    return OrderedMethod(row.label, recipes, (row.measures[measure] / 100,))


def _sorted(methods: Iterable[OrderedMethod]) -> tuple[OrderedMethod, ...]:
    return tuple(sorted(methods, key=lambda m: -sum(m.values) / len(m.values)))


def _distance(first: OrderedMethod, second: OrderedMethod) -> int | None:
    """Return how far down both lists of names the nearest common one stands; None without one."""
    common = [n for n in first.recipes if n in second.recipes]
    return min((first.recipes.index(n) + second.recipes.index(n) for n in common), default=None)
