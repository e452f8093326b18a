"""Figures with lines of text above and below what is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from reidbench.plots.style import CHARACTERS, FAINT, INCHES, INK, Width, printable

LINE = 0.13  # height of a line of text, in inches
_MARGIN = 0.06


def framed(above: Sequence[str], below: Sequence[str], height: float, width: Width) -> Figure:
    """Return a figure with room between its title and its caption; inside ``styled``.

    Args:
        above: lines of the title, of any origin; broken where they are too long.
        below: lines of the caption.
        height: of the room, in inches.
        width: of the figure.
    """
    title, caption = (_broken(lines, width) for lines in (above, below))
    head, foot = (LINE * len(lines) + _MARGIN for lines in (title, caption))
    whole = head + height + foot
    room = ConstrainedLayoutEngine(rect=(0, foot / whole, 1, height / whole))
    figure = Figure(figsize=(INCHES[width], whole), layout=room)
    _write(figure, title, 1 - _MARGIN / whole, INK)
    _write(figure, caption, foot / whole, FAINT)
    return figure


def _write(figure: Figure, lines: Sequence[str], top: float, colour: str) -> None:
    step = LINE / figure.get_figheight()
    for number, line in enumerate(lines):
        figure.text(0.02, top - step * number, line, va="top", fontsize=7, color=colour)


def _broken(lines: Sequence[str], width: Width) -> list[str]:
    return [part for line in lines for part in printable(line, CHARACTERS[width]).splitlines()]
