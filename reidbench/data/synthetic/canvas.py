"""Shapes with analytic coverage, painted over each other on a grid of coordinates.

Everything here is elementwise addition, multiplication, division, square root and comparison,
which IEEE 754 defines exactly: the same bytes come out on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating[Any]]  # float32 throughout; arithmetic's stubs cannot tell
Window = tuple[slice, slice]
Point = tuple[float, float]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Patch:
    """The part of a canvas that a shape touches.

    Attributes:
        window: its rows and columns.
        cover: ``[h, w]`` in [0, 1], how much of each pixel the shape covers.
        across: ``[h, w]`` in [-1, 1], from one side of the shape to the other.
        along: ``[h, w]`` in [0, 1], from the shape's start (or top) to its end.
    """

    window: Window
    cover: Plane
    across: Plane
    along: Plane

    def cut(self, cover: Plane) -> Patch:
        """Return the patch where ``cover`` also covers."""
        return Patch(self.window, self.cover * cover, self.across, self.along)


class Canvas:
    """A picture under construction, with the share of each pixel painted so far.

    Attributes:
        x, y: ``[H, W]`` coordinates of the pixel centres; y grows upwards.
        pixel: side of a pixel in the same unit.
        rgb: ``[3, H, W]`` colour, multiplied by alpha.
        alpha: ``[H, W]`` in [0, 1].
    """

    def __init__(self, x: Plane, y: Plane, pixel: float) -> None:
        """Start with nothing painted."""
        self.x, self.y, self.pixel = x, y, pixel
        self.rgb: Plane = np.zeros((3, *x.shape), np.float32)
        self.alpha: Plane = np.zeros(x.shape, np.float32)
        self._columns = x.min(axis=0), x.max(axis=0)
        self._rows = y.min(axis=1), y.max(axis=1)

    def window(self, left: float, right: float, bottom: float, top: float) -> Window:
        """Return the rows and columns that a box may touch; empty if it lies outside."""
        margin = self.pixel
        rows = _span(self._rows, bottom - margin, top + margin)
        return rows, _span(self._columns, left - margin, right + margin)

    def edge(self, distance: Plane) -> Plane:
        """Return the coverage of pixels at a signed distance from an outline, negative inside."""
        return clamp(0.5 - distance / self.pixel, 0, 1)

    def capsule(self, start: Point, end: Point, r_start: float, r_end: float) -> Patch:
        """Return a limb: a round line from ``start`` to ``end`` of changing radius."""
        r = max(r_start, r_end)
        (ax, ay), (bx, by) = start, end
        window = self.window(min(ax, bx) - r, max(ax, bx) + r, min(ay, by) - r, max(ay, by) + r)
        x, y = self.x[window] - ax, self.y[window] - ay
        dx, dy = bx - ax, by - ay
        length2 = dx * dx + dy * dy
        along = clamp((x * dx + y * dy) / length2, 0, 1)
        off_x, off_y = x - along * dx, y - along * dy
        off = np.sqrt(off_x * off_x + off_y * off_y)
        radius = r_start + along * (r_end - r_start)
        side = np.where(x * dy - y * dx < 0, np.float32(1), np.float32(-1))
        across = np.minimum(off / radius, 1) * (side if dy < 0 else -side)
        return Patch(window, self.edge(off - radius), across, along)

    def ellipse(self, centre: Point, rx: float, ry: float) -> Patch:
        """Return an ellipse; ``along`` runs from its top to its bottom."""
        cx, cy = centre
        window = self.window(cx - rx, cx + rx, cy - ry, cy + ry)
        u, v = (self.x[window] - cx) / rx, (self.y[window] - cy) / ry
        distance = (np.sqrt(u * u + v * v) - 1) * min(rx, ry)
        return Patch(window, self.edge(distance), clamp(u, -1, 1), clamp(0.5 - v / 2, 0, 1))

    def box(self, centre: Point, half_width: float, half_height: float, corner: float) -> Patch:
        """Return a box with rounded corners."""
        cx, cy = centre
        window = self.window(cx - half_width, cx + half_width, cy - half_height, cy + half_height)
        x, y = self.x[window] - cx, self.y[window] - cy
        beyond_x = np.maximum(np.abs(x) - (half_width - corner), 0)
        beyond_y = np.maximum(np.abs(y) - (half_height - corner), 0)
        distance = np.sqrt(beyond_x * beyond_x + beyond_y * beyond_y) - corner
        across, along = x / half_width, 0.5 - y / (2 * half_height)
        return Patch(window, self.edge(distance), clamp(across, -1, 1), clamp(along, 0, 1))

    def column(self, x_mid: float, top: float, outline: tuple[Point, ...], droop: float) -> Patch:
        """Return a garment hanging from ``top``, symmetric about ``x_mid``.

        Args:
            x_mid: the axis.
            top: height of its upper edge on the axis.
            outline: distance below the top and half width there, in order; the last is the hem.
            droop: how far the upper edge falls at the first half width (shoulders).
        """
        bottom, widest = top - outline[-1][0], max(half for _, half in outline)
        window = self.window(x_mid - widest, x_mid + widest, bottom, top)
        x, below = self.x[window] - x_mid, top - self.y[window]
        half = _piecewise(below, outline)
        off = np.abs(x)
        first = outline[0][1]
        upper = droop * (off / first) * (off / first) - below
        cover = self.edge(off - half) * self.edge(upper) * self.edge(below - outline[-1][0])
        along = clamp(below / outline[-1][0], 0, 1)
        return Patch(window, cover, clamp(x / half, -1, 1), along)

    def paint(self, patch: Patch, rgb: Plane) -> None:
        """Paint ``rgb``, ``[3, h, w]`` or broadcastable to it, over what is there."""
        rows, columns = patch.window
        under = self.rgb[:, rows, columns]
        under += patch.cover * (rgb - under)
        alpha = self.alpha[patch.window]
        alpha += patch.cover * (1 - alpha)


def clamp(values: Plane, low: float, high: float) -> Plane:
    """Return the values limited to low..high."""
    limited: Plane = np.clip(values, low, high)
    return limited


def planes(colour: Colour) -> Plane:
    """Return a colour as ``[3, 1, 1]``."""
    return np.array(colour, np.float32)[:, None, None]


def lattice_noise(lattice: Plane, x: Plane, y: Plane) -> Plane:
    """Return smooth noise at ``x``, ``y`` (in cells) from a periodic ``[2^m, 2^n]`` lattice."""
    rows, columns = lattice.shape
    floor_x, floor_y = np.floor(x), np.floor(y)
    i, j = floor_y.astype(np.int32), floor_x.astype(np.int32)
    fx, fy = _ease(x - floor_x), _ease(y - floor_y)
    i0, i1 = (i & (rows - 1)) * columns, ((i + 1) & (rows - 1)) * columns
    j0, j1 = j & (columns - 1), (j + 1) & (columns - 1)
    flat = lattice.ravel()
    upper = flat[i0 + j0] * (1 - fx) + flat[i0 + j1] * fx
    lower = flat[i1 + j0] * (1 - fx) + flat[i1 + j1] * fx
    noise: Plane = upper * (1 - fy) + lower * fy
    return noise


def _ease(t: Plane) -> Plane:
    return t * t * (3 - 2 * t)


def _span(bounds: tuple[Plane, Plane], low: float, high: float) -> slice:
    lower, upper = bounds
    touched = np.flatnonzero((upper >= low) & (lower <= high))
    return slice(int(touched[0]), int(touched[-1]) + 1) if len(touched) else slice(0, 0)


def _piecewise(t: Plane, knots: tuple[Point, ...]) -> Plane:
    value = np.full(t.shape, knots[0][1], np.float32)
    for (t0, v0), (t1, v1) in pairwise(knots):
        value += clamp(t - t0, 0, t1 - t0) * ((v1 - v0) / (t1 - t0))
    return value
