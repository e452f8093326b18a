"""The worth of constraints as a forest plot: a row each, with its interval, below translators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes

from reidbench.errors import ReidbenchError
from reidbench.plots.frame import framed
from reidbench.plots.style import FAINT, INK, PALETTE, Width, printable, save, styled
from reidbench.results.differences import LEVEL
from reidbench.results.measures import BY_KEY, PRIMARY
from reidbench.results.reading import read_worth
from reidbench.results.worth import Worth

_ROW, _AXIS = 0.2, 0.5  # heights in inches
_NAME = 36  # characters of a row's name in a line


@dataclass(frozen=True)
class Interval:
    """A difference and how sure it is.

    Attributes:
        name: of the row.
        mean: the difference.
        low, high: ends of its interval; None where one seed tells none.
        shown: whether it is told from zero.
    """

    name: str
    mean: float
    low: float | None = None
    high: float | None = None
    shown: bool = False


def draw_worth(
    results: Path,
    benchmark: str | None = None,
    *,
    measure: str = PRIMARY,
    width: Width = "one",
    output: Path | None = None,
) -> Path:
    """Draw what each constraint is worth on each translator, and return the figure's path.

    Args:
        results: folder of results.
        benchmark: whose constraints are drawn; needed if there are several.
        measure: that the worth is told in, one of ``measures.OF_WORTH``.
        width: columns of a paper.
        output: file to write; None for an SVG among the results.

    Raises:
        ReidbenchError: if there is no pair, or the file cannot be written.
        UsageError: for an unknown name or measure.
    """
    tables = list(read_worth(results, benchmark, measure).by_setting())
    if len({setting.benchmark for setting, _ in tables}) > 1:
        known = ", ".join(dict.fromkeys(setting.benchmark for setting, _ in tables))
        raise ReidbenchError(f"several benchmarks have constraints; choose one of {known}")
    setting, rows = tables[0]  # of the newest version
    title = f"{setting.title}: {BY_KEY[measure].label} with a constraint minus without"
    caption = (
        f"filled: told from zero at {100 * (1 - LEVEL):.0f} %, by Holm's correction for all rows"
    )
    path = output or results / setting.benchmark / "worth.svg"
    with styled():
        drawn = intervals_of(rows, measure)
        figure = framed([title], [caption], _AXIS + _ROW * len(drawn), width)
        intervals(figure.subplots(), drawn, _axis(measure))
        save(figure, path)
    return path


def intervals_of(rows: Sequence[Worth], measure: str) -> list[Interval | str]:
    """Return a row each, in percent where the measure is, below headings.

    A heading names the translator, and the learner where several are drawn.
    """
    scale = 100 if BY_KEY[measure].percent else 1
    several = len({(row.learner, row.strategy) for row in rows}) > 1
    found: list[Interval | str] = []
    heading = ""
    for row in rows:
        learner = f"{row.learner}, {row.strategy}" if several else ""
        above = "; ".join(filter(None, (row.translator, learner, row.modified)))
        if above != heading:
            found.append(heading := above)
        low, high = (None if end is None else scale * end for end in (row.low, row.high))
        shown = row.p_value is not None and row.p_value < 1 - LEVEL
        found.append(Interval(row.constraint, scale * row.mean, low, high, shown))
    return found


def intervals(axes: Axes, rows: Sequence[Interval | str], name: str) -> Axes:
    """Draw each difference as a point on its interval, beside the line of no difference.

    A filled point is a difference that is told from zero, a hollow one is not.

    Args:
        axes: where to draw.
        rows: from the top; a text is a heading of those below it.
        name: of the horizontal axis.
    """
    axes.axvline(0, color=FAINT, lw=0.8, ls="--")
    for number, row in enumerate(rows):
        if isinstance(row, str):
            continue
        colour = PALETTE[0] if row.mean >= 0 else PALETTE[3]
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [number] * 2, color=INK, lw=0.9)
        fill = colour if row.shown else "white"
        axes.plot([row.mean], [number], "o", ms=4, color=colour, mfc=fill, zorder=3)
    names = [row if isinstance(row, str) else row.name for row in rows]
    axes.set_yticks(range(len(rows)), [printable(text, _NAME, 2) for text in names])
    for row, label in zip(rows, axes.get_yticklabels(), strict=True):
        label.set_fontweight("bold" if isinstance(row, str) else "normal")
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0, labelsize=6)
    axes.set_xlabel(name)
    axes.grid(axis="x")
    return axes


def _axis(measure: str) -> str:
    unit = "points" if BY_KEY[measure].percent else "in its unit"
    return f"{BY_KEY[measure].label}, difference ({unit})"
