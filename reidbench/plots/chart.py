"""The content of a figure, before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reidbench.errors import ReidbenchError
from reidbench.evaluation.trials import Spread, spread
from reidbench.results.measures import BY_KEY, DRAWN, GAP_CLOSED
from reidbench.results.result import Result
from reidbench.storage.keys import JSON
from reidbench.studies.plot_kinds import PlotKind

AXES: dict[str, str] = {name: BY_KEY[name].axis for name in (*DRAWN, GAP_CLOSED)}


@dataclass(frozen=True)
class Point:
    """One recipe.

    Attributes:
        row: name of the bar, of the line, or of the heat map's row.
        column: the bar's series, the place on the line's axis, or the heat map's column.
        values: in percent, one a seed.
    """

    row: str
    column: JSON
    values: tuple[float, ...]

    @property
    def spread(self) -> Spread:
        """Mean and standard deviation over the seeds, in percent."""
        return spread(self.values)


@dataclass(frozen=True)
class Panel:
    """Points on one pair of axes.

    Attributes:
        reported: whether a paper states the values; measured ones never stand in such a panel.
    """

    title: str
    points: tuple[Point, ...]
    reported: bool = False

    @property
    def rows(self) -> list[str]:
        """The rows, each once, in order."""
        return list(dict.fromkeys(p.row for p in self.points))

    @property
    def columns(self) -> list[JSON]:
        """The columns, each once, in order."""
        return list({str(p.column): p.column for p in self.points}.values())


@dataclass(frozen=True)
class Chart:
    """A figure.

    Attributes:
        subtitle: benchmark and seeds; synthetic images are named as such.
        measure: that is shown, of ``AXES``.
        row_name: what the rows are; empty if their names say it.
        column_name: what the columns are.
        panels: the measured values first.
    """

    kind: PlotKind
    title: str
    subtitle: str
    measure: str
    row_name: str
    column_name: str
    panels: tuple[Panel, ...]

    def __post_init__(self) -> None:
        """Refuse a figure of nothing."""
        if not self.panels[0].points:
            raise ReidbenchError("there is nothing to draw")

    def to_dict(self) -> dict[str, Any]:
        """Return what is drawn, ready for JSON."""
        return asdict(self)


def point(row: str, column: JSON, values: Sequence[float]) -> Point:
    """Return the point of a recipe's values, one a seed, in [0, 1]."""
    return Point(row, column, tuple(100 * v for v in values))


def subtitle(results: Sequence[Result], points: Sequence[Point]) -> str:
    """Return benchmark, kind of images and number of seeds, in one line."""
    benchmarks = list(dict.fromkeys(benchmark_of(r) for r in results))
    counts = sorted({len(p.values) for p in points})
    of = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[-1])
    seeds = "1 seed" if counts[-1] == 1 else f"mean ± sd of {of} seeds"
    return f"{', '.join(benchmarks)}; {seeds}"


def averaged(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return one point a cell, each seed the mean of all recipes that share the cell.

    Raises:
        ReidbenchError: if these have not the same number of seeds.
    """
    cells: dict[tuple[str, str], list[Point]] = {}
    for one in points:
        cells.setdefault((one.row, str(one.column)), []).append(one)
    for (row, column), shared in cells.items():
        if len({len(p.values) for p in shared}) > 1:
            raise ReidbenchError(f"recipes of the cell {row} x {column} differ in their seeds")
    return tuple(
        Point(
            shared[0].row,
            shared[0].column,
            tuple(sum(seed) / len(seed) for seed in zip(*(p.values for p in shared), strict=True)),
        )
        for shared in cells.values()
    )


def benchmark_of(result: Result) -> str:
    """Return a result's benchmark and its version; synthetic images are named as such."""
    b = result.benchmark
    return f"{b['name']} v{b['version']}" + (" (synthetic images)" if b["synthetic"] else "")
