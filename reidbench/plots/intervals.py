"""Differences with their intervals, a row each: a forest plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from reidbench.plots.style import FAINT, INK, PALETTE, printable

ROW = 0.2  # height of a row, in inches
_NAME = 44  # characters of a row's name in a line


@dataclass(frozen=True)
class Interval:
    """A difference and how sure it is.

    Attributes:
        name: of the row.
        mean: the difference.
        low, high: ends of its interval; None where one seed tells none.
        shown: whether the interval, corrected for all rows, leaves out zero.
    """

    name: str
    mean: float
    low: float | None = None
    high: float | None = None
    shown: bool = False


def intervals(axes: Axes, rows: Sequence[Interval], name: str) -> Axes:
    """Draw each difference as a point on its interval, beside the line of no difference.

    A filled point is a difference that is told from zero, a hollow one is not.

    Args:
        axes: where to draw.
        rows: from the top.
        name: of the horizontal axis.
    """
    axes.axvline(0, color=FAINT, lw=0.8, ls="--")
    for number, row in enumerate(rows):
        colour = PALETTE[0] if row.mean >= 0 else PALETTE[3]
        if row.low is not None and row.high is not None:
            axes.plot(
                [row.low, row.high], [number, number], color=INK, lw=0.9, solid_capstyle="butt"
            )
        fill = colour if row.shown else "white"
        axes.plot([row.mean], [number], "o", ms=4, color=colour, mfc=fill, zorder=3)
    axes.set_yticks(range(len(rows)), [printable(row.name, _NAME, 2) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(name)
    axes.grid(axis="x")
    return axes
