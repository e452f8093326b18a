"""Charts of a study, or of the recipes that the leaderboard ranks, from result files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.plots.chart import Chart, Panel, Point, averaged, point, subtitle
from reidbench.plots.fields import FIELDS
from reidbench.results.commands import advice
from reidbench.results.gap import Gap
from reidbench.results.groups import Group, groups_of
from reidbench.results.leaderboard import Board, build
from reidbench.results.measures import GAP_CLOSED
from reidbench.results.reported import Reported
from reidbench.results.result import Result
from reidbench.storage.keys import JSON
from reidbench.studies.index import Index, IndexedRun, results_of
from reidbench.studies.plot_kinds import PlotKind
from reidbench.studies.study import shown


@dataclass(frozen=True)
class Wish:
    """The user's wishes for a chart; None is as the study has it, or bars.

    Attributes:
        rows: of a heat map, one of ``FIELDS``.
        columns: of a heat map, one of ``FIELDS``.
        reported: whether the paper's numbers stand in panels of their own beside the measured.
        mean: whether recipes that share a cell of a heat map are averaged, not refused.
    """

    kind: PlotKind | None = None
    measure: str | None = None
    rows: str = "translator"
    columns: str = "constraints"
    reported: bool = False
    mean: bool = False


def chart_of_study(index: Index, path: Path, wish: Wish) -> Chart:
    """Return the chart of the study whose index lies at ``path``.

    Raises:
        ReidbenchError: if a result cannot be read.
        UsageError: if the study cannot be drawn in that way.
    """
    kind, measure = wish.kind or index.plot, wish.measure or index.measure
    runs = [(run, results_of(run, path)) for run in index.runs]
    place, row_name, column_name = _places(index, kind, wish)
    if measure == GAP_CLOSED:
        raise UsageError(
            f"{GAP_CLOSED} goes without a study: it needs direct transfer and 'perfect'"
        )
    points = tuple(point(*place(run, rs[0]), [r.measure(measure) for r in rs]) for run, rs in runs)
    if kind == "heatmap":
        points = _one_a_cell(points, wish)
    measured = Panel("measured" if wish.reported else "", points)
    reported = _reported(index, measure, kind, place, runs) if wish.reported else []
    return Chart(
        kind,
        index.title,
        subtitle([r for _, rs in runs for r in rs], points),
        measure,
        row_name,
        column_name,
        (measured, *reported),
    )


def chart_of_results(
    results: Sequence[Result], benchmark: str | None, recipes: Sequence[str], wish: Wish
) -> tuple[Chart, Path]:
    """Return the chart of what the leaderboard ranks, and its usual path among the results.

    Args:
        results: everything that was found.
        benchmark: name; needed if there are several, but for a heat map over datasets.
        recipes: names to draw; empty for all.
        wish: how.

    Raises:
        ReidbenchError: if nothing is ranked.
        UsageError: if a name is unknown, or the chart cannot be drawn in that way.
    """
    if wish.reported:
        raise UsageError("--reported goes with a study: it names the paper's table")
    kind, measure = wish.kind or "bars", wish.measure or "mAP"
    if kind == "line":
        raise UsageError("--kind line goes with a study that varies a parameter")
    over_data = kind == "heatmap" and {wish.rows, wish.columns} & {"source", "target"}
    boards = _boards(results, benchmark, everything=bool(over_data))
    groups = _chosen([g for b in boards for g in groups_of(b, results)], recipes)
    value = _value(measure, results)
    groups = groups if recipes else _telling(groups, measure, value)
    if kind == "heatmap" and not recipes:
        groups = _translating(groups, wish)
    told = [[_known(value(r), r, measure) for r in rs] for _, rs in groups]
    if kind == "bars":
        points = tuple(point(g[0].recipe, "", v) for g, v in zip(groups, told, strict=True))
        names = ("", "")
    else:
        row, column = FIELDS[wish.rows], FIELDS[wish.columns]
        points = tuple(
            point(row(rs[0]), column(rs[0]), v) for (_, rs), v in zip(groups, told, strict=True)
        )
        names = (wish.rows, wish.columns)
        points = _one_a_cell(points, wish)
    used = [r for _, rs in groups for r in rs]
    shared = "; cells of several recipes are their mean" if len(points) < len(groups) else ""
    below = subtitle(used, points) + shared
    chart = Chart(kind, "", below, measure, *names, (Panel("", points),))
    folders = {r.file_name.parent for r in used}
    folder = folders.pop() if len(folders) == 1 else Path()
    return chart, folder / f"{kind}-{measure}.svg"


Place = Callable[[IndexedRun, Result], tuple[str, JSON]]


def _places(index: Index, kind: PlotKind, wish: Wish) -> tuple[Place, str, str]:
    """Return where a run stands in the chart, and what rows and columns are called."""
    varied = list(index.runs[0].varied) if index.runs else []
    several = len({run.label for run in index.runs}) > 1
    if kind == "bars":
        return lambda run, _: (_words(run.varied, run.label), run.series), "", ""
    if kind == "line":
        if not varied:
            raise UsageError(f"study '{index.study}' varies nothing; draw it as bars")
        first = varied[0]
        return lambda run, _: (_line(run, first, several), run.varied[first]), "", first
    if len(varied) > 1:
        rows, columns = varied[:2]
        return lambda run, _: (shown(run.varied[rows]), run.varied[columns]), rows, columns
    of_row, of_column = FIELDS[wish.rows], FIELDS[wish.columns]
    return lambda _, result: (of_row(result), of_column(result)), wish.rows, wish.columns


def _line(run: IndexedRun, first: str, several: bool) -> str:
    rest = {name: value for name, value in run.varied.items() if name != first}
    label = run.label if several or not (rest or run.series) else ""
    return _words(rest, label, run.series)


def _words(varied: Mapping[str, JSON], *names: str) -> str:
    values = (f"{name.rpartition('.')[2]} = {shown(value)}" for name, value in varied.items())
    return ", ".join(word for word in (*names, *values) if word)


def _reported(
    index: Index,
    measure: str,
    kind: PlotKind,
    place: Place,
    runs: Sequence[tuple[IndexedRun, Sequence[Result]]],
) -> list[Panel]:
    """Return a panel for each setting in which the paper tests, and for each place of print."""
    if kind == "heatmap":
        raise UsageError("--reported goes with bars and lines")
    panels: dict[str, list[Point]] = {}
    for run, results in runs:
        for row in index.reported:
            if row.label == run.reported and measure in row.measures:
                panel = panels.setdefault(_panel_title(row), [])
                panel.append(Point(*place(run, results[0]), (row.measures[measure],)))
    if not panels:
        raise UsageError(f"study '{index.study}' cites no {measure} of a paper")
    return [Panel(title, tuple(points), reported=True) for title, points in panels.items()]


def _panel_title(row: Reported) -> str:
    paper = row.paper.partition(",")[0]
    return f"reported: {paper}, {row.place}, {row.setting}, {row.protocol}"


def _boards(
    results: Sequence[Result], benchmark: str | None, *, everything: bool
) -> tuple[Board, ...]:
    """Return the newest board of a benchmark, or of all."""
    newest: dict[str, Board] = {}
    found = build(results)
    for board in found.boards:
        newest.setdefault(board.setting.benchmark, board)
    if benchmark is not None:
        if benchmark not in newest:
            near = did_you_mean(benchmark, newest) if newest else ""
            lacking = advice([u for u in found.unranked if u.setting.benchmark == benchmark])
            why = f": {lacking}" if lacking else near
            raise UsageError(f"nothing is ranked on benchmark '{benchmark}'{why}")
        return (newest[benchmark],)
    if not newest:
        why = advice(found.unranked) or "see: reidbench leaderboard"
        raise ReidbenchError(f"nothing is ranked yet: {why}")
    if len(newest) > 1 and not everything:
        raise UsageError(f"choose one with --benchmark: {', '.join(newest)}")
    return tuple(newest.values())


def ranked_groups(
    results: Sequence[Result], benchmark: str | None, recipes: Sequence[str]
) -> list[Group]:
    """Return the ranked recipes of a benchmark with their results, the best first.

    Raises:
        ReidbenchError: if nothing is ranked.
        UsageError: if a name is unknown, or several benchmarks want a choice.
    """
    (board,) = _boards(results, benchmark, everything=False)
    return _chosen(groups_of(board, results), recipes)


def _chosen(groups: list[Group], recipes: Sequence[str]) -> list[Group]:
    known = {entry.recipe for entry, _ in groups}
    for name in recipes:
        if name not in known:
            raise UsageError(f"no ranked recipe is named '{name}'{did_you_mean(name, known)}")
    return [g for g in groups if not recipes or g[0].recipe in recipes]


Value = Callable[[Result], float | None]


def _value(measure: str, results: Sequence[Result]) -> Value:
    """Return the function that tells a result's measure; None where it is not known."""
    if measure == GAP_CLOSED:
        return Gap.of(results).closed
    return lambda result: result.quantity(measure)


def _telling(groups: list[Group], measure: str, value: Value) -> list[Group]:
    """Leave out recipes whose results do not tell the measure; all tell those of the ranking."""
    telling = [g for g in groups if all(value(r) is not None for r in g[1])]
    if not telling:
        raise ReidbenchError(f"no ranked recipe has {measure}")
    return telling


def _known(value: float | None, result: Result, measure: str) -> float:
    if value is None:
        raise ReidbenchError(f"'{result.recipe['name']}' (seed {result.seed}) has no {measure}")
    return value


def _translating(groups: list[Group], wish: Wish) -> list[Group]:
    """Leave out what translates nothing, floor and ceiling, where translation is compared."""
    if not {wish.rows, wish.columns} & {"translator", "constraints"}:
        return groups
    return [g for g in groups if FIELDS["translator"](g[1][0]) != "none"]


def _one_a_cell(points: tuple[Point, ...], wish: Wish) -> tuple[Point, ...]:
    """Return one point a cell: the mean of several if that is wished, or else ask."""
    if wish.mean:
        return averaged(points)
    cells = [(p.row, str(p.column)) for p in points]
    for cell in cells:
        if cells.count(cell) > 1:
            raise UsageError(
                f"several recipes share the cell {' x '.join(cell)}; draw their mean with "
                "--shared mean, choose other --rows and --columns or, without a study, name those "
                "to draw with --recipe"
            )
    return points
