"""Figures by name, drawn to files: each is a function on axes with a title and a legend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError, UsageError
from reidbench.plots.chart import benchmark_of
from reidbench.plots.frame import LINE, framed
from reidbench.plots.kept import losses
from reidbench.plots.panels import (
    MOST_RANKS,
    Curve,
    Mark,
    cmc_curves,
    gradient_shares,
    loss_curves,
    marks_in_plane,
    ranked_images,
)
from reidbench.plots.ranked import ranked_rows
from reidbench.plots.sources import ranked_groups
from reidbench.plots.style import INCHES, Width, save, styled
from reidbench.results.groups import Group
from reidbench.results.leaderboard import CEILING
from reidbench.results.measures import BY_KEY
from reidbench.results.reading import read_results
from reidbench.results.result import Result, load
from reidbench.studies.plot_kinds import FIGURES, OF_RESULTS

# Figure -> the quantity of its horizontal axis and the name of that, against mAP.
_PLANES = {
    "cost": ("cost", "training FLOPs", True),
    "identity": ("identity_retained", "identity retained (%)", False),
    "error": ("person_error", "error on the person (levels of 255)", False),
}


@dataclass(frozen=True)
class Panel:
    """A part of a figure.

    Attributes:
        draw: puts it on axes.
        height: in inches, without its legend.
        names: number of names in its legend.
    """

    draw: Callable[[Axes], Axes]
    height: float
    names: int


def draw_figure(
    name: str,
    results: Path,
    files: Sequence[Path],
    cache: Path,
    *,
    benchmark: str | None = None,
    recipes: Sequence[str] = (),
    width: Width = "one",
    output: Path | None = None,
) -> Path:
    """Draw a figure of ``FIGURES`` and return its path.

    Args:
        name: of the figure.
        results: folder of results, for figures of what is ranked.
        files: the result to draw, for figures of a run.
        cache: folder of stages, for figures of a run.
        benchmark: whose ranked recipes are drawn; needed if there are several.
        recipes: names to draw; empty for all.
        width: columns of a paper.
        output: file to write; None for an SVG among the results.

    Raises:
        ReidbenchError: if there is nothing to draw, or the file cannot be written.
        UsageError: for an unknown name, or arguments that the figure has no use for.
    """
    if name not in FIGURES:
        raise UsageError(f"no figure is named '{name}'; known: {', '.join(FIGURES)}")
    if name in OF_RESULTS:
        if len(files) != 1:
            raise UsageError(f"'plot {name}' draws one run: name its result file after it")
        result, path = load(files[0]), output or files[0].with_suffix(f".{name}.svg")
        title, panels, caption = _of_run(name, result, cache)
    else:
        if files:
            raise UsageError(f"'plot {name}' draws what is ranked and takes no result files")
        found = read_results(results).results
        groups = ranked_groups(found, benchmark, recipes)
        title, panels, caption = _of_ranked(name, groups)
        path = output or results / groups[0][1][0].file_name.parent / f"{name}.svg"
    with styled():
        save(_figure(title, panels, caption, width), path)
    return path


def write_figure(
    result: Result, panels: Sequence[Panel], caption: Sequence[str], width: Width, path: Path
) -> Path:
    """Write a figure of one run under the run's title, and return its path.

    Raises:
        UsageError: if the path ends in no format of figures.
        ReidbenchError: if the file cannot be written.
    """
    with styled():
        save(_figure(_title_of(result), panels, caption, width), path)
    return path


def cmc_of(groups: Sequence[Group]) -> list[Curve]:
    """Return the curve of each ranked recipe, as long as the longest that its results hold."""
    return [Curve(entry.recipe, np.stack([cmc_of_result(r) for r in rs])) for entry, rs in groups]


def marks_of(groups: Sequence[Group], quantity: str) -> list[Mark]:
    """Return each ranked recipe that tells a quantity, in the plane of it and mAP.

    Raises:
        ReidbenchError: if none does.
    """
    found = []
    for entry, _ in groups:
        if quantity in entry.quantities:
            x, y = entry.quantities[quantity], entry.measures["mAP"]
            scale = 100 if BY_KEY[quantity].percent else 1
            ceiling = CEILING in entry.uses
            found.append(Mark(entry.recipe, x.scaled(scale), y.scaled(100), ceiling))
    if not found:
        raise ReidbenchError(f"no ranked recipe has {quantity}")
    return found


Drawn = tuple[list[str], list[Panel], list[str]]


def _of_ranked(name: str, groups: Sequence[Group]) -> Drawn:
    first = groups[0][1]
    seeds = f"mean ± sd of {len(first)} seeds" if len(first) > 1 else "1 seed"
    title = [f"{benchmark_of(first[0])}; {seeds}"]
    if name == "cmc":
        curves = cmc_of(groups)
        return title, [Panel(lambda axes: cmc_curves(axes, curves), 2.2, len(curves))], []
    quantity, label, logarithmic = _PLANES[name]
    marks = marks_of(groups, quantity)
    caption = ["hollow: reads the truth (a ceiling)"] if any(m.ceiling for m in marks) else []

    def draw(axes: Axes) -> Axes:
        return marks_in_plane(axes, marks, (label, "mAP (%)"), logarithmic=logarithmic)

    return title, [Panel(draw, 2.2, len(marks))], caption


def _of_run(name: str, result: Result, cache: Path) -> Drawn:
    title = _title_of(result)
    if name == "ranked":
        rows = ranked_rows(result, cache)
        caption = ["left the query; solid frame: right, dashed with cross: wrong, dotted: junk"]
        return title, [Panel(lambda axes: ranked_images(axes, rows), 0.62 * len(rows), 0)], caption
    trainings = losses(result, cache)
    panels = [_losses_panel(phase, series) for phase, series in trainings.items() if series]
    caption = [] if trainings else ["losses are left out: the cache has none of this run"]
    if (shares := _shares_panel(result)) is not None:
        panels.append(shares)
    if not panels:
        raise ReidbenchError(
            f"neither losses nor gradient shares of '{result.recipe['name']}' are known: the cache "
            "has none of its trainings; run it again"
        )
    return title, panels, caption


def _title_of(result: Result) -> list[str]:
    return [f"{result.recipe['name']}: {benchmark_of(result)}, seed {result.seed}"]


def _losses_panel(phase: str, series: Mapping[str, NDArray[np.float64]]) -> Panel:
    def draw(axes: Axes) -> Axes:
        axes.set_title(phase, fontsize=7, loc="left")
        return loss_curves(axes, series)

    return Panel(draw, 1.5, len(series))


def shares_of(result: Result) -> tuple[list[int], dict[str, list[float | None]]]:
    """Return the steps at which a run measured gradients, and each loss's shares at them."""
    told = result.training.get("gradient_shares")
    measured = told if isinstance(told, list) else []
    names = list(dict.fromkeys(name for entry in measured for name in entry["terms"]))
    shares = {n: [entry["terms"].get(n, {}).get("share") for entry in measured] for n in names}
    return [entry["step"] for entry in measured], shares


def _shares_panel(result: Result) -> Panel | None:
    steps, shares = shares_of(result)
    if not steps:
        return None
    return Panel(lambda axes: gradient_shares(axes, steps, shares), 1.5, len(shares))


def _figure(
    title: Sequence[str], panels: Sequence[Panel], caption: Sequence[str], width: Width
) -> Figure:
    wide = INCHES[width] / INCHES["one"]
    columns = 2 if width == "one" else 4
    heights = [p.height * min(wide, 1.5) + LINE * -(-p.names // columns) for p in panels]
    figure = framed(title, caption, sum(heights) + 0.2, width)
    parts = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, panel in zip(parts, panels, strict=True):
        panel.draw(axes)
        if panel.names:
            axes.legend(
                loc="lower left",
                bbox_to_anchor=(0, 1.08 if axes.get_title(loc="left") else 1),
                ncols=columns,
                borderpad=0,
                labelspacing=0.2,
                columnspacing=1,
                fontsize=6,
            )
    return figure


def cmc_of_result(result: Result) -> NDArray[np.float64]:
    """Return the matching curve ``[MOST_RANKS]`` of a result in percent.

    Raises:
        ReidbenchError: if the result tells none.
    """
    told = result.scores.get("cmc")
    if not (isinstance(told, list) and told and all(type(v) in (int, float) for v in told)):
        raise ReidbenchError(f"'{result.recipe['name']}' (seed {result.seed}) tells no CMC curve")
    curve = 100 * np.array(told[:MOST_RANKS], np.float64)
    return np.pad(curve, (0, MOST_RANKS - len(curve)), mode="edge")
