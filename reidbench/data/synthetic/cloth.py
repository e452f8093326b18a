"""Cloth: two colours and a pattern that mixes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reidbench.data.synthetic.canvas import Colour, Plane, clamp, planes

Mix = Callable[[Plane, Plane, float, float], Plane]


@dataclass(frozen=True)
class Cloth:
    """A fabric.

    Attributes:
        pattern: a key of ``PATTERNS``.
        colour, second: what the pattern mixes.
        size: length of the pattern's period, in body heights.
    """

    pattern: str
    colour: Colour
    second: Colour
    size: float = 0.05

    def rgb(self, across: Plane, below: Plane, pixel: float) -> Plane:
        """Return ``[3, h, w]`` at lengths ``across`` the body and ``below`` the garment's top.

        All lengths, also the side of a ``pixel``, are in body heights.
        """
        mix = PATTERNS[self.pattern](across, below, self.size, pixel)
        first = planes(self.colour)
        return first + mix * (planes(self.second) - first)

    def plain(self) -> Cloth:
        """Return the same fabric without its pattern."""
        return Cloth("plain", self.colour, self.second, self.size)

    def continued(self) -> Cloth:
        """Return the fabric of the same garment's sleeves and skirt: no second print."""
        return self if self.pattern in REPEATING else self.plain()


def _bands(position: Plane, period: float, pixel: float, share: float) -> Plane:
    """Return 1 on bands that take ``share`` of each period, with edges a pixel wide."""
    phase = position / period
    wave = np.abs(2 * (phase - np.floor(phase)) - 1)
    return clamp((wave - (1 - share)) * (period / (2 * pixel)) + 0.5, 0, 1)


def _inside(distance: Plane, pixel: float) -> Plane:
    return clamp(0.5 - distance / pixel, 0, 1)


def _plain(across: Plane, below: Plane, size: float, pixel: float) -> Plane:
    return np.zeros_like(across)


def _hoops(across: Plane, below: Plane, size: float, pixel: float) -> Plane:
    return _bands(below, size, pixel, 0.5)


def _stripes(across: Plane, below: Plane, size: float, pixel: float) -> Plane:
    return _bands(across, size, pixel, 0.45)


def _checks(across: Plane, below: Plane, size: float, pixel: float) -> Plane:
    return (_bands(across, size, pixel, 0.5) + _bands(below, size, pixel, 0.5)) / 2


def _diagonal(across: Plane, below: Plane, size: float, pixel: float) -> Plane:
    return _bands((across + below) * 0.7, size, pixel, 0.5)


def _dots(across: Plane, below: Plane, size: float, pixel: float) -> Plane:
    u, v = across / size, below / size
    u, v = u - np.floor(u) - 0.5, v - np.floor(v) - 0.5
    return _inside((np.sqrt(u * u + v * v) - 0.32) * size, pixel)


def _yoke(across: Plane, below: Plane, size: float, pixel: float) -> Plane:
    return _inside(below - 2.2 * size, pixel)


def _chest_band(across: Plane, below: Plane, size: float, pixel: float) -> Plane:
    return _inside(np.abs(below - 0.13) - 0.6 * size, pixel)


def _fade(across: Plane, below: Plane, size: float, pixel: float) -> Plane:
    return clamp(below / (7 * size), 0, 1)


def _disc(across: Plane, below: Plane, size: float, pixel: float) -> Plane:
    down = below - 0.12
    return _inside(np.sqrt(across * across + down * down) - 0.75 * size, pixel)


def _patch(across: Plane, below: Plane, size: float, pixel: float) -> Plane:
    return _inside(np.maximum(np.abs(across), np.abs(below - 0.13)) - 0.65 * size, pixel)


def _side_stripe(across: Plane, below: Plane, size: float, pixel: float) -> Plane:
    return _inside(0.018 - np.abs(across), pixel) * _inside(np.abs(across) - 0.05, pixel)


def _halves(across: Plane, below: Plane, size: float, pixel: float) -> Plane:
    return _inside(across, pixel)


PATTERNS: dict[str, Mix] = {
    "plain": _plain,
    "hoops": _hoops,
    "stripes": _stripes,
    "checks": _checks,
    "diagonal": _diagonal,
    "dots": _dots,
    "yoke": _yoke,
    "chest-band": _chest_band,
    "fade": _fade,
    "disc": _disc,
    "patch": _patch,
    "side-stripe": _side_stripe,
    "halves": _halves,
}
REPEATING = frozenset({"hoops", "stripes", "checks", "diagonal", "dots", "halves"})
FRONT_ONLY = frozenset({"disc", "patch"})
