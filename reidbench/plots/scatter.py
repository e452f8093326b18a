"""Draws sets of points in one plane, and what was measured of them below."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reidbench.plots.frame import LINE, framed
from reidbench.plots.style import (
    CHARACTERS,
    INCHES,
    MARKERS,
    PALETTE,
    Width,
    printable,
    save,
    styled,
)

_MARK = 8  # characters that a marker takes of the legend's line


@dataclass(frozen=True)
class Cloud:
    """A set of points.

    Attributes:
        points: ``[N, 2]``.
    """

    name: str
    points: NDArray[np.float64]


@dataclass(frozen=True)
class Scatter:
    """A figure.

    Attributes:
        title: its lines.
        axes: what they show; without names they have no ticks either.
        clouds: in the order of the legend; the last is drawn over the others.
        caption: its lines.
    """

    title: tuple[str, ...]
    axes: tuple[str, str]
    clouds: tuple[Cloud, ...]
    caption: tuple[str, ...]


def write(scatter: Scatter, path: Path, width: Width = "one") -> None:
    """Draw to a file; its ending says whether SVG, PDF or PNG.

    Raises:
        UsageError: for another ending.
        ReidbenchError: if it cannot be written.
    """
    with styled():
        save(draw(scatter, width), path)


def draw(scatter: Scatter, width: Width = "one") -> Figure:
    """Return the figure; inside ``styled``."""
    names = [printable(cloud.name, CHARACTERS[width] - _MARK) for cloud in scatter.clouds]
    legend = LINE * sum(name.count("\n") + 1 for name in names)
    side = 0.8 * min(INCHES[width], 5)
    figure = framed(scatter.title, scatter.caption, side + legend, width)
    axes = figure.subplots()
    for number, (cloud, name) in enumerate(zip(scatter.clouds, names, strict=True)):
        _dots(axes, cloud.points, number, name)
    _name_axes(axes, scatter.axes)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderpad=0, labelspacing=0.2)
    return figure


def _dots(axes: Axes, points: NDArray[np.float64], number: int, name: str) -> None:
    axes.scatter(
        points[:, 0],
        points[:, 1],
        s=7,
        marker=MARKERS[number % len(MARKERS)],
        color=PALETTE[number % len(PALETTE)],
        alpha=0.6,
        linewidths=0,
        label=name,
    )


def _name_axes(axes: Axes, names: tuple[str, str]) -> None:
    if not any(names):
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[["top", "right"]].set_visible(True)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
