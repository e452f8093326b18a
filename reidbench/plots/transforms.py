"""Draws where spatial transforms take the corners of images, and their parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Polygon
from numpy.typing import NDArray

from reidbench.evaluation.distributions import spread_rows
from reidbench.evaluation.transforms import CORNERS
from reidbench.plots.frame import framed
from reidbench.plots.style import FAINT, INK, PALETTE, Width, printable, save, styled

MOST_HISTOGRAMS = 12
MOST_POINTS = 500
"""Images, evenly spread, whose corners are drawn if there are more."""
_COLUMNS = 3
_BINS = 30
_CORNERS, _HISTOGRAMS = 2.7, 0.75  # heights in inches, of the panel and of a row


@dataclass(frozen=True)
class Corners:
    """Places that the corners of images are taken to, in [-1, 1] of the image with y downwards.

    Attributes:
        moved: ``[N, 4, 2]``.
        known: ``[4, 2]`` where they should be on average; None if nobody knows.
        shape: height / width of the images.
    """

    moved: NDArray[np.float64]
    known: NDArray[np.float64] | None
    shape: float


@dataclass(frozen=True)
class Transforms:
    """A figure.

    Attributes:
        title: its lines.
        parameters: ``[N, P]``; at most the first ``MOST_HISTOGRAMS`` are drawn.
        names: of all P.
        corners: None if the parameters are no homography.
        caption: its lines.
    """

    title: tuple[str, ...]
    parameters: NDArray[np.floating]
    names: tuple[str, ...]
    corners: Corners | None
    caption: tuple[str, ...]


def write(shown: Transforms, path: Path, width: Width = "one") -> None:
    """Draw to a file; its ending says whether SVG, PDF or PNG.

    Raises:
        UsageError: for another ending.
        ReidbenchError: if it cannot be written.
    """
    with styled():
        save(draw(shown, width), path)


def draw(shown: Transforms, width: Width = "one") -> Figure:
    """Return the figure; inside ``styled``."""
    count = min(len(shown.names), MOST_HISTOGRAMS)
    rows = -(-count // _COLUMNS)
    heights = [*([_CORNERS] if shown.corners else []), _HISTOGRAMS * rows]
    figure = framed(shown.title, shown.caption, sum(heights), width)
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    if shown.corners:
        _corners(parts[0], shown.corners)
    grid = parts[-1].subplots(rows, _COLUMNS, squeeze=False).ravel()
    for number, axes in enumerate(grid):
        if number < count:
            _histogram(axes, shown.parameters[:, number], shown.names[number])
        else:
            axes.set_axis_off()
    return figure


def _corners(part: SubFigure, corners: Corners) -> None:
    axes = part.subplots()
    for number, points in enumerate(corners.moved[_few(len(corners.moved))].swapaxes(0, 1)):
        axes.scatter(
            points[:, 0], points[:, 1], s=4, color=PALETTE[number], alpha=0.5, linewidths=0
        )
    _outline(axes, CORNERS, "the image", FAINT, "-")
    _outline(axes, corners.moved.mean(0), "mean of the transforms", INK, "-")
    if corners.known is not None:
        _outline(axes, corners.known, "the known gap", PALETTE[5], "--")
    axes.set_aspect(corners.shape)
    axes.autoscale_view()
    axes.invert_yaxis()
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderpad=0, labelspacing=0.2)


def _few(count: int) -> NDArray[np.int64]:
    return spread_rows(count, MOST_POINTS)


def _outline(axes: Axes, points: NDArray[np.float64], name: str, colour: str, dashes: str) -> None:
    axes.add_patch(Polygon(points, fill=False, edgecolor=colour, linestyle=dashes, label=name))


def _histogram(axes: Axes, values: NDArray[np.floating], name: str) -> None:
    axes.hist(np.asarray(values, np.float64), bins=_BINS, color=PALETTE[0])
    axes.set_title(printable(name, 12, 1), fontsize=6, pad=2)
    axes.locator_params(axis="x", nbins=3)
    axes.set_yticks([])
    axes.tick_params(labelsize=5)
