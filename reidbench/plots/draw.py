"""Draws charts with matplotlib's objects: no pyplot, no global state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from reidbench.plots.chart import AXES, Chart, Panel, Point
from reidbench.plots.style import (
    CHARACTERS,
    FAINT,
    INCHES,
    INK,
    MARKERS,
    PALETTE,
    Width,
    printable,
    save,
    styled,
)
from reidbench.storage.keys import JSON
from reidbench.studies.study import shown

LABEL = 26  # characters of a bar's name in a line
LETTER = 0.055  # width of one, in inches
NAMES_WIDTH = 1.0  # width of the names that bars beside each other share, in inches
NUMBERS = 0.5  # width of what stands left of any other panel
NARROWEST = 1.0  # width of what is drawn in a panel
BAR = 0.8  # of the room of a row is bars, the rest is between them
WHISKER = {"ecolor": INK, "elinewidth": 0.8, "capsize": 1.8, "capthick": 0.8, "fmt": "none"}
MAP = "cividis"  # even in lightness, and in every kind of colour vision


def write(chart: Chart, path: Path, width: Width = "one") -> None:
    """Draw a chart to a file; its ending says whether SVG, PDF or PNG.

    Raises:
        UsageError: for another ending.
        ReidbenchError: if it cannot be written.
    """
    with styled():
        save(draw(chart, width), path)


def draw(chart: Chart, width: Width = "one") -> Figure:
    """Return a chart as a figure; inside ``styled``."""
    lines = _title(chart, width)
    head = 0.13 * len(lines) + 0.02
    side = INCHES[width]
    # Bars share their names; lines do not share a scale, which would flatten them.
    shared = chart.kind == "bars"
    names, numbers = (NAMES_WIDTH, 0.0) if shared else (0.0, NUMBERS)
    beside = min(len(chart.panels), int((side - names) / (numbers + NARROWEST)))
    below = -(-len(chart.panels) // beside)
    captions = _captions(chart, (side - names) / beside - numbers)
    titled = 0.125 * max(len(caption.splitlines()) for caption in captions.values())
    height = head + below * (titled + _height(chart, side))
    rest = ConstrainedLayoutEngine(rect=(0, 0, 1, 1 - head / height))
    figure = Figure(figsize=(side, height), layout=rest)
    _write_title(figure, lines)
    grid = figure.subplots(below, beside, sharey=shared, squeeze=False).ravel()
    for unused in grid[len(chart.panels) :]:
        unused.remove()
    paint = {"bars": bars, "line": lines_over, "heatmap": cells}[chart.kind]
    for axes, panel in zip(grid, chart.panels, strict=False):
        paint(axes, panel, chart)
        if panel.title:
            axes.set_title(captions[panel.title], fontsize=7, loc="left", color=FAINT)
    return figure


def _height(chart: Chart, width: float) -> float:
    """Return the height of the axes in inches, captions apart."""
    panel = chart.panels[0]
    if chart.kind == "bars":
        several = len(panel.columns)
        return 0.6 + len(panel.rows) * (0.13 + 0.12 * several) + 0.15 * (several > 1)
    if chart.kind == "heatmap":
        return 0.9 + 0.4 * len(panel.rows)
    return 0.62 * min(width, 4) + 0.13 * len(panel.rows)


def _captions(chart: Chart, width: float) -> dict[str, str]:
    """Return what stands above each panel, by its title, in lines as short as the panel is."""
    line = min(34, int(width / LETTER))
    return {panel.title: printable(panel.title, line, 5) for panel in chart.panels}


def _title(chart: Chart, width: Width) -> list[str]:
    """Return the lines above all panels; what the bars of several show is too long for each."""
    several = chart.kind == "bars" and len(chart.panels) > 1
    texts = (chart.title, chart.subtitle, AXES[chart.measure] if several else "")
    return [line for text in texts for line in printable(text, CHARACTERS[width]).splitlines()]


def _write_title(figure: Figure, lines: Sequence[str]) -> None:
    """Write the title's lines above the axes."""
    height = figure.get_figheight()
    for number, line in enumerate(lines):
        top = 1 - (0.05 + 0.13 * number) / height
        figure.text(0.02, top, line, va="top", fontsize=7, color=INK)


def bars(axes: Axes, panel: Panel, chart: Chart) -> Axes:
    """Draw horizontal bars, so that names are read as they are written, and return the axes."""
    rows, columns = chart.panels[0].rows, _all_columns(chart)
    each = BAR / len(columns)
    for point in panel.points:
        series = [str(c) for c in columns].index(str(point.column))
        beside = [str(p.column) for p in chart.panels[0].points if p.row == point.row]
        place = beside.index(str(point.column)) - (len(beside) - 1) / 2
        y = rows.index(point.row) + each * place
        _bar(axes, point, y, each, PALETTE[series % len(PALETTE)], panel.reported)
    axes.set_yticks(range(len(rows)), [printable(r, LABEL, 2) for r in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    if len(chart.panels) == 1:
        axes.set_xlabel(AXES[chart.measure])
    axes.set_xlim(left=0)
    axes.grid(axis="x")
    if len(columns) > 1 and panel is chart.panels[-1]:
        _legend(axes, [str(c) for c in columns])
    return axes


def _bar(axes: Axes, point: Point, y: float, room: float, colour: str, reported: bool) -> None:
    """Draw the mean as a bar, the deviation as a whisker and each seed as a point."""
    spread = point.spread
    if reported:
        axes.barh(y, spread.mean, room * 0.9, fill=False, edgecolor=colour, hatch="/////", lw=0.8)
        return
    axes.barh(y, spread.mean, room * 0.9, color=colour)
    if spread.sd is not None:
        axes.errorbar(spread.mean, y, xerr=spread.sd, **WHISKER)  # type: ignore[arg-type]
    heights = y + np.linspace(-0.25, 0.25, spread.n) * room if spread.n > 1 else [y]
    axes.scatter(
        point.values, heights, s=7, color="white", edgecolors=INK, linewidths=0.6, zorder=3
    )


def lines_over(axes: Axes, panel: Panel, chart: Chart) -> Axes:
    """Draw the means over a parameter, whiskers and each seed as a point; return the axes."""
    columns, rows = _all_columns(chart), chart.panels[0].rows
    places = dict(zip(map(str, columns), _positions(columns), strict=True))
    span = max(places.values()) - min(places.values()) or 1.0
    for number, row in enumerate(rows):
        own = [p for p in panel.points if p.row == row]
        own.sort(key=lambda p: places[str(p.column)])
        beside = 0.012 * span * (number - (len(rows) - 1) / 2)  # so that whiskers are told apart
        _line(axes, [places[str(p.column)] + beside for p in own], own, number, panel.reported)
    axes.set_xticks(list(places.values()), _below(axes, map(shown, columns)))
    axes.set_xlim(min(places.values()) - 0.06 * span, max(places.values()) + 0.06 * span)
    axes.set_xlabel(printable(chart.column_name, LABEL))
    axes.set_ylabel(AXES[chart.measure])
    axes.grid(axis="y")
    if len(rows) > 1 and panel is chart.panels[-1]:
        _legend(axes, rows, lines=True)
    return axes


def _line(
    axes: Axes, xs: Sequence[float], points: Sequence[Point], number: int, reported: bool
) -> None:
    colour, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
    means = [p.spread.mean for p in points]
    if reported:
        axes.plot(xs, means, marker, mfc="white", mec=colour, ms=5, ls=":", color=colour, lw=0.8)
        return
    axes.plot(xs, means, marker=marker, ms=3.5, color=colour, lw=1.2, zorder=4)
    deviations = [p.spread.sd or 0.0 for p in points]
    axes.errorbar(xs, means, yerr=deviations, **{**WHISKER, "ecolor": colour})  # type: ignore[arg-type]
    for x, p in zip(xs, points, strict=True):
        if p.spread.n > 1:
            at = np.full(p.spread.n, x)
            axes.scatter(at, p.values, s=7, color="white", edgecolors=colour, lw=0.6, zorder=3)


def _positions(values: Sequence[JSON]) -> list[float]:
    """Return where values stand on the axis: to scale if they are numbers and stand apart."""
    if all(type(v) in (int, float) for v in values):
        gaps = np.diff(sorted(values))
        if not len(gaps) or gaps.min() >= 0.06 * gaps.sum():
            return [float(v) for v in values]
    return [float(i) for i in range(len(values))]


def cells(axes: Axes, panel: Panel, chart: Chart) -> Axes:
    """Draw a grid of means and deviations, and return the axes; empty cells were not run."""
    rows, columns = panel.rows, [str(c) for c in panel.columns]
    means = np.full((len(rows), len(columns)), np.nan)
    for point in panel.points:
        means[rows.index(point.row), columns.index(str(point.column))] = point.spread.mean
    norm = Normalize(np.nanmin(means), max(np.nanmax(means), np.nanmin(means) + 1e-9))
    mesh = axes.pcolormesh(means, cmap=MAP, norm=norm, edgecolors="white", linewidth=1.5)
    for point in panel.points:
        x, y = columns.index(str(point.column)) + 0.5, rows.index(point.row) + 0.5
        light = norm(point.spread.mean) > 0.55
        text = _mean_and_sd(point)
        axes.text(x, y, text, ha="center", va="center", color=INK if light else "white")
    room = axes.figure.get_figwidth() - 1.4  # type: ignore[union-attr]
    line = max(8, int(room / len(columns) / 0.052))  # characters above a column
    axes.set_xticks(np.arange(len(columns)) + 0.5, [printable(c, line) for c in columns])
    axes.set_yticks(np.arange(len(rows)) + 0.5, [printable(r, 16) for r in rows])
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(printable(chart.column_name, LABEL))
    axes.set_ylabel(printable(chart.row_name, LABEL))
    bar = axes.figure.colorbar(mesh, ax=axes, label=AXES[chart.measure], pad=0.02)
    bar.outline.set_visible(False)
    return axes


def _mean_and_sd(point: Point) -> str:
    spread = point.spread
    mean = f"{spread.mean:.1f}"
    return mean if spread.sd is None else f"{mean}\n± {spread.sd:.1f}"


def _all_columns(chart: Chart) -> list[JSON]:
    """Return the columns of the measured panel: what is reported stands at the same places."""
    return chart.panels[0].columns


def _below(axes: Axes, names: Iterable[str]) -> list[str]:
    """Return the names of columns, broken so that they stand beside each other."""
    each = list(names)
    room = _across(axes) - 1.4
    return [printable(name, max(8, int(room / len(each) / LETTER))) for name in each]


def _legend(axes: Axes, names: Sequence[str], *, lines: bool = False) -> None:
    texts = [printable(name, LABEL, 2) or "(none)" for name in names]
    handles: list[Any] = []
    for number, text in enumerate(texts):
        colour = PALETTE[number % len(PALETTE)]
        if lines:
            marker = MARKERS[number % len(MARKERS)]
            handles += axes.plot([], [], marker=marker, ms=4.5, color=colour, lw=1.2, label=text)
        else:
            handles.append(axes.barh(0, 0, color=colour, label=text))
    longest = max(len(line) for text in texts for line in text.splitlines())
    across = int(_across(axes) / (0.4 + LETTER * longest))
    axes.figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=max(1, across),
        columnspacing=1.2,
        handlelength=1.4,
    )


def _across(axes: Axes) -> float:
    """Return the width of the figure in inches."""
    return float(axes.figure.bbox.width / axes.figure.dpi)
