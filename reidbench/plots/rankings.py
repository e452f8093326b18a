"""Places of methods on several benchmarks: a line a method, a column a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.plots.frame import framed
from reidbench.plots.style import FAINT, INCHES, MARKERS, PALETTE, Width, printable, save, styled
from reidbench.results.leaderboard import build
from reidbench.results.measures import BY_KEY, MEASURES, PRIMARY
from reidbench.results.order_comparison import compare_pairs
from reidbench.results.orders import LEAST, Order, measured_orders, shared
from reidbench.results.ranking_tables import interval
from reidbench.results.reading import read_results

MOST_LINES = 20
"""Methods whose lines and names can still be told apart."""
_STEP = 0.17  # height of a method, in inches
_HEAD = 0.85  # of what stands above and below the lines
_NAME = 24  # characters of a method's name in a line
_TITLE = 20  # characters of a column's title in a line, at most
_LETTER = 0.05  # width of one, in inches
_LEAST_TITLE = 12  # characters; where there is no room for as many, columns are lettered
_SMALL = 5.5  # points
_LINE: dict[str, Any] = {"lw": 1.1, "ms": 4, "mec": "white", "mew": 0.4, "clip_on": False}


@dataclass(frozen=True)
class RankLine:
    """A method on several benchmarks.

    Attributes:
        scores: of each column, in percent; None where it is not ranked.
    """

    name: str
    scores: tuple[float | None, ...]


def draw_rankings(
    results: Path,
    benchmarks: Sequence[str] = (),
    recipes: Sequence[str] = (),
    *,
    measure: str = PRIMARY,
    width: Width = "one",
    output: Path | None = None,
) -> Path:
    """Draw the places of ranked methods on several benchmarks, and return the figure's path.

    Args:
        results: folder of results.
        benchmarks: columns from left to right; empty for all that share three methods with another.
        recipes: names to draw; empty for all.
        measure: that places are by, one of ``measures.MEASURES``.
        width: columns of a paper.
        output: file to write; None for an SVG among the results.

    Raises:
        ReidbenchError: if no two benchmarks share three ranked methods, or the file cannot be
            written.
        UsageError: for an unknown name or measure.
    """
    if measure not in MEASURES:
        raise UsageError(f"'plot rankings' takes one of {', '.join(MEASURES)}, not {measure}")
    found = read_results(results).results
    orders = _chosen(measured_orders(build(found), found, measure), benchmarks, recipes)
    lines, left_out = rank_lines_of(orders)
    drawn = [_only(order, {line.name for line in lines}) for order in orders]
    path = output or results / "rankings.svg"
    with styled():
        save(_figure(drawn, lines, left_out, measure, width), path)
    return path


def rank_lines_of(orders: Sequence[Order]) -> tuple[list[RankLine], int]:
    """Return a line for each method of two orders or more, and how many more there are.

    Of more than ``MOST_LINES`` those of most orders are kept, the best of them first.
    """
    scores: dict[str, list[float | None]] = {}
    for number, order in enumerate(orders):
        for method in order.methods:
            row = scores.setdefault(method.recipes[0], [None] * len(orders))
            row[number] = 100 * sum(method.values) / len(method.values)
    several = [
        RankLine(n, tuple(row)) for n, row in scores.items() if len(row) - row.count(None) > 1
    ]
    several.sort(key=lambda line: line.scores.count(None))
    return several[:MOST_LINES], max(0, len(several) - MOST_LINES)


def rank_lines(axes: Axes, lines: Sequence[RankLine]) -> Axes:
    """Draw each method's places as a line over the columns, named at both ends; return the axes.

    The methods of a column stand evenly from the best to the last, so that two lines cross where
    two columns have them in opposite orders. A dashed line passes a column that lacks the method.
    """
    columns = len(lines[0].scores)
    heights = [_heights(lines, column) for column in range(columns)]
    for number, line in enumerate(lines):
        style: dict[str, Any] = {
            "color": PALETTE[number % len(PALETTE)],
            "marker": MARKERS[(number + number // len(PALETTE)) % len(MARKERS)],
        }
        ends = {c: heights[c][line.name] for c in range(columns) if line.name in heights[c]}
        for a, b in pairwise(ends):
            dashes = "-" if b == a + 1 else "--"
            axes.plot([a, b], [ends[a], ends[b]], ls=dashes, **style, **_LINE)
        for column, height in ends.items():
            _write_name(axes, line, column, height, first=column == min(ends))
    axes.set_xlim(0, columns - 1)
    axes.set_ylim(1, 0)
    axes.set_axis_off()
    return axes


def _heights(lines: Sequence[RankLine], column: int) -> dict[str, float]:
    """Return where each method of a column stands, 0 for the best and 1 for the last."""
    told = [(line.scores[column], line.name) for line in lines]
    ranked = sorted((-score, name) for score, name in told if score is not None)
    return {name: place / max(1, len(ranked) - 1) for place, (_, name) in enumerate(ranked)}


def _write_name(axes: Axes, line: RankLine, column: int, height: float, *, first: bool) -> None:
    """Write score and name beside an end of the columns, and the score alone between them.

    A method that both ends lack is named at its first place.
    """
    score, last = f"{line.scores[column]:.1f}", len(line.scores) - 1
    name = _broken(line.name)
    if column == 0:
        _write(axes, f"{name}  {score}", (column, height), (-5, 0), ha="right")
    elif column == last:
        _write(axes, f"{score}  {name}", (column, height), (5, 0), ha="left")
    else:
        unnamed = first and line.scores[0] is None and line.scores[last] is None
        text = f"{name}  {score}" if unnamed else score
        box = {"boxstyle": "square,pad=0.05", "fc": "white", "ec": "none", "alpha": 0.8}
        _write(axes, text, (column, height), (0, 5), ha="center", color=FAINT, bbox=box)


def _write(
    axes: Axes, text: str, at: tuple[float, float], beside: tuple[float, float], **how: Any
) -> None:
    axes.annotate(
        text,
        at,
        beside,
        textcoords="offset points",
        fontsize=_SMALL,
        zorder=5,
        **{"va": "center", **how},
    )


def _broken(name: str) -> str:
    """Return a method's name in two lines at most, broken after a plus where it can be."""
    return printable(name.replace("+", "+ "), _NAME, 2).replace("+ ", "+")


def _chosen(
    orders: Sequence[Order], benchmarks: Sequence[str], recipes: Sequence[str]
) -> list[Order]:
    """Return the orders to draw, of the recipes to draw; those of most methods come first."""
    by_name = {order.name: order for order in orders}
    for name in benchmarks:
        if name not in by_name:
            near = did_you_mean(name, by_name)
            raise UsageError(f"nothing is ranked on benchmark '{name}'{near}")
    known = {name for order in orders for m in order.methods for name in m.recipes}
    for name in recipes:
        if name not in known:
            raise UsageError(f"no ranked recipe is named '{name}'{did_you_mean(name, known)}")
    wanted = set(recipes or known)
    drawn = [_only(by_name[name], wanted) for name in dict.fromkeys(benchmarks or by_name)]
    fit = [o for o in drawn if any(len(shared(o, p).names) >= LEAST for p in drawn if p is not o)]
    if len(fit) < 2:
        raise ReidbenchError(
            f"no two benchmarks share {LEAST} ranked methods: a place on one alone says nothing; "
            "see: reidbench compare-rankings"
        )
    return drawn if benchmarks else sorted(fit, key=lambda order: -len(order.methods))


def _only(order: Order, names: set[str]) -> Order:
    return replace(order, methods=tuple(m for m in order.methods if names & set(m.recipes)))


def _figure(
    orders: Sequence[Order], lines: Sequence[RankLine], left_out: int, measure: str, width: Width
) -> Figure:
    most = max(len(order.methods) for order in orders)
    room = int((INCHES[width] - 2 * _LETTER * _NAME) / (len(orders) - 1) / _LETTER)
    lettered = room < _LEAST_TITLE
    caption = _caption(left_out, lines)
    if lettered:
        keys = (f"{letter}: {o.title}" for letter, o in zip(ascii_uppercase, orders, strict=False))
        caption = [*keys, *caption]
    figure = framed([_title(orders, measure)], caption, _HEAD + _STEP * most, width)
    axes = rank_lines(figure.subplots(), lines)
    for number, order in enumerate(orders):
        text = ascii_uppercase[number % 26] if lettered else _heading(order, min(room, _TITLE))
        _write(axes, text, (number, 0), (0, 12), ha="center", va="bottom")
    for number, (a, b) in enumerate(pairwise(orders)):
        _write(axes, _tau(a, b, room), (number + 0.5, 1), (0, -12), ha="center", va="top")
    return figure


def _title(orders: Sequence[Order], measure: str) -> str:
    seeds = sorted({len(order.seeds) for order in orders})
    of = " to ".join(dict.fromkeys((str(seeds[0]), str(seeds[-1]))))
    return f"Places by {BY_KEY[measure].label} (%), mean of {of} seed{'' if of == '1' else 's'}"


def _heading(order: Order, line: int) -> str:
    """Return a benchmark's name, and below it what its title says besides."""
    name, _, rest = order.title.partition(" (")
    return "\n".join((printable(name, line, 3), printable(f"({rest}", line, 3)))


def _tau(first: Order, second: Order, line: int) -> str:
    """Return how much alike two columns are; nothing where that cannot be told."""
    found = compare_pairs([(first, second)])
    if not found:
        return ""
    tau = found[0].correlation
    return printable(f"tau-b {tau.tau:+.2f}", line) + "\n" + printable(interval(tau), line)


def _caption(left_out: int, lines: Sequence[RankLine]) -> list[str]:
    caption = [
        "lines cross where benchmarks have methods in opposite orders; below: Kendall's tau-b of "
        "the methods of both, and its 95 % interval over the seeds"
    ]
    if any(_skips(line) for line in lines):
        caption.append("dashed: not ranked on the benchmark between")
    if left_out:
        caption.append(f"left out: {left_out} more, ranked on the fewest benchmarks")
    return caption


def _skips(line: RankLine) -> bool:
    told = [number for number, score in enumerate(line.scores) if score is not None]
    return told[-1] - told[0] >= len(told)
