"""Figures on axes that anybody made: each function takes matplotlib's ``Axes`` and returns them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from reidbench.evaluation.trials import Spread
from reidbench.plots.style import MARKERS, PALETTE, printable
from reidbench.results.numbers import rounded

NAME = 26  # characters of a name in a line of a legend
MOST_RANKS = 50
RIGHT, WRONG, JUNK = PALETTE[2], PALETTE[3], PALETTE[6]
"""Colours of the frames of ranked images."""
HEAT = 0.65
"""Opacity of activations over an image."""


@dataclass(frozen=True, eq=False)
class Curve:
    """The matching rates of a recipe.

    Attributes:
        values: ``[S, K]`` in percent, a row a seed: the queries met by rank 1 to K.
    """

    name: str
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Mark:
    """A recipe in a plane of two measures.

    Attributes:
        ceiling: whether it reads the truth, and is no rival of the others.
    """

    name: str
    x: Spread
    y: Spread
    ceiling: bool = False


@dataclass(frozen=True, eq=False)
class RankedRow:
    """A query and the images nearest to it.

    Attributes:
        label: of the row.
        query: ``[H, W, 3]`` uint8.
        images: ``[K, H, W, 3]`` uint8, the nearest first.
        marks: of each image: "right", "wrong" or "junk".
    """

    label: str
    query: NDArray[np.uint8]
    images: NDArray[np.uint8]
    marks: tuple[str, ...]


def cmc_curves(axes: Axes, curves: Sequence[Curve]) -> Axes:
    """Draw the mean curve of each recipe over its seeds, and a band of one standard deviation."""
    for number, curve in enumerate(curves):
        shown = curve.values[:, :MOST_RANKS]
        ranks, mean = np.arange(1, shown.shape[1] + 1), shown.mean(axis=0)
        colour, label = _colour(number), printable(curve.name, NAME, 2)
        axes.plot(ranks, mean, lw=1.2, label=label, color=colour, ls=_dashes(number))
        if len(shown) > 1:
            sd = shown.std(axis=0, ddof=1)
            axes.fill_between(ranks, mean - sd, mean + sd, color=colour, alpha=0.15, lw=0)
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    axes.minorticks_off()
    axes.set_xlabel("rank")
    axes.set_ylabel("queries with a match by that rank (%)")
    axes.grid(axis="y")
    return axes


def marks_in_plane(
    axes: Axes, marks: Sequence[Mark], names: tuple[str, str], *, logarithmic: bool = False
) -> Axes:
    """Draw each recipe as a point, with whiskers of one standard deviation; ceilings are hollow.

    Args:
        axes: where to draw.
        marks: the recipes.
        names: of the axes.
        logarithmic: whether the horizontal axis is.
    """
    for number, mark in enumerate(marks):
        colour = _colour(number)
        axes.errorbar(
            mark.x.mean,
            mark.y.mean,
            xerr=mark.x.sd,
            yerr=mark.y.sd,
            fmt=MARKERS[(number + number // len(PALETTE)) % len(MARKERS)],
            ms=5,
            color=colour,
            mfc="white" if mark.ceiling else colour,
            elinewidth=0.8,
            capsize=1.8,
            capthick=0.8,
            label=printable(mark.name, NAME, 2),
        )
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: rounded(value)))
        axes.minorticks_off()
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    axes.grid()
    return axes


def loss_curves(axes: Axes, losses: Mapping[str, NDArray[np.float64]]) -> Axes:
    """Draw losses over the steps of a training, on a logarithmic scale where all are positive.

    Args:
        axes: where to draw.
        losses: ``[N, 2]`` of step and value, by name.
    """
    for number, (name, points) in enumerate(losses.items()):
        colour, label = _colour(number), printable(name, NAME, 1)
        axes.plot(*points.T, lw=0.9, label=label, color=colour, ls=_dashes(number))
    if all((points[:, 1] > 0).all() for points in losses.values()):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.grid(axis="y")
    return axes


def gradient_shares(
    axes: Axes, steps: Sequence[int], shares: Mapping[str, Sequence[float | None]]
) -> Axes:
    """Draw how the gradients at the translated pixels divide among the losses, a bar a step.

    Args:
        axes: where to draw.
        steps: of the training, counted from 0.
        shares: of each loss, in [0, 1], one a step; None where it is not finite.
    """
    below = np.zeros(len(steps))
    for number, (name, values) in enumerate(shares.items()):
        heights = np.array([100 * (v or 0.0) for v in values])
        axes.bar(
            range(len(steps)),
            heights,
            0.7,
            bottom=below,
            color=_colour(number),
            hatch=("", "////", "....")[number // len(PALETTE) % 3],
            label=printable(name, NAME, 1),
        )
        below += heights
    axes.set_xticks(range(len(steps)), [f"step {step + 1}" for step in steps])
    axes.set_ylabel("share of the gradients (%)")
    axes.set_ylim(0, 100)
    return axes


def ranked_images(axes: Axes, rows: Sequence[RankedRow]) -> Axes:
    """Draw each query and its nearest images, framed by what they are and marked besides.

    A right image has a solid frame, a wrong one a dashed and a cross, junk a dotted one.
    """
    height, width = rows[0].query.shape[:2]
    gap = max(2, width // 6)
    for number, row in enumerate(rows):
        top = number * (height + 2 * gap)
        for place, image in enumerate([row.query, *row.images]):
            left = place * (width + gap) + (gap if place else 0)
            axes.imshow(image, extent=(left, left + width, top + height, top), interpolation="none")
            if place:
                _frame(axes, (left, top, width, height), row.marks[place - 1])
        axes.text(-gap, top + height / 2, row.label, ha="right", va="center", fontsize=6)
    across = (1 + max(len(row.images) for row in rows)) * (width + gap) + gap
    axes.set_xlim(-gap, across)
    axes.set_ylim(len(rows) * (height + 2 * gap), -gap)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return axes


def feature_maps(
    axes: Axes, images: NDArray[np.uint8], maps: Mapping[str, NDArray[np.float32]]
) -> Axes:
    """Draw images in a row, and below them each model's activations laid over the same images.

    Args:
        axes: where to draw.
        images: ``[N, H, W, 3]`` uint8.
        maps: ``[N, h, w]`` in [0, 1] of each model, by its name; of any size.
    """
    height, width = images.shape[1:3]
    gap = max(2, width // 8)
    grey = images.mean(axis=-1)
    for row, (name, heat) in enumerate([("image", None), *maps.items()]):
        top = row * (height + gap)
        for place, image in enumerate(images):
            left = place * (width + gap)
            box = (left, left + width, top + height, top)
            if heat is None:
                axes.imshow(image, extent=box, interpolation="none")
                continue
            axes.imshow(grey[place], "gray", extent=box, interpolation="none", vmin=0, vmax=255)
            over = axes.imshow(heat[place], "inferno", extent=box, interpolation="bilinear")
            over.set(clim=(0, 1), alpha=HEAT)
        label = "\n".join(textwrap.wrap(printable(name), 20))
        axes.text(-gap, top + height / 2, label, ha="right", va="center", fontsize=6)
    axes.set_xlim(-gap, len(images) * (width + gap))
    axes.set_ylim((1 + len(maps)) * (height + gap), -gap)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return axes


def _frame(axes: Axes, box: tuple[float, float, float, float], mark: str) -> None:
    left, top, width, height = box
    colour, dashes = {"right": (RIGHT, "-"), "wrong": (WRONG, "--")}.get(mark, (JUNK, ":"))
    axes.add_patch(Rectangle((left, top), width, height, fill=False, ec=colour, lw=1.6, ls=dashes))
    if mark == "wrong":
        axes.plot([left + width], [top], marker="x", ms=4, color=WRONG, mew=1.2)


def _colour(number: int) -> str:
    return PALETTE[number % len(PALETTE)]


def _dashes(number: int) -> str:
    return ("-", "--", ":")[number // len(PALETTE) % 3]
