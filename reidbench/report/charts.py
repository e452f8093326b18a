"""Line charts as paths of SVG, in the page itself and in its colours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.results.numbers import rounded

WIDTH, HEIGHT = 480, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 8, 26
COLOURS = 7
"""Number of the style sheet's colours; further lines are dashed."""


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        d: its path.
        number: of its colour.
        dashed: whether it is beyond the colours.
    """

    name: str
    d: str
    number: int
    dashed: bool


@dataclass(frozen=True)
class LineChart:
    """A chart that a template draws.

    Attributes:
        title: what it shows, for those who do not see it too.
        across, up: name of each axis.
        x_ticks, y_ticks: place in the drawing and text.
    """

    title: str
    across: str
    up: str
    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


def line_chart(
    title: str,
    across: str,
    up: str,
    series: Mapping[str, NDArray[np.float64]],
    *,
    log_x: bool = False,
    log_y: bool = False,
) -> LineChart | None:
    """Return the chart of series ``[N, 2]``; None if there is no point.

    An axis is logarithmic only if all its values are positive.
    """
    points = [s for s in series.values() if len(s)]
    if not points:
        return None
    whole = np.concatenate(points)
    x = _Scale.of(whole[:, 0], LEFT, WIDTH - RIGHT, log=log_x)
    y = _Scale.of(whole[:, 1], HEIGHT - BOTTOM, TOP, log=log_y)
    lines = tuple(
        Line(name, _path(s, x, y), number % COLOURS, number >= COLOURS)
        for number, (name, s) in enumerate(series.items())
        if len(s)
    )
    return LineChart(title, across, up, lines, x.ticks(), y.ticks())


@dataclass(frozen=True)
class _Scale:
    """A way from values to places in the drawing."""

    low: float
    high: float
    start: float
    end: float
    log: bool

    @classmethod
    def of(cls, values: NDArray[np.float64], start: float, end: float, *, log: bool) -> _Scale:
        low, high = float(values.min()), float(values.max())
        log = log and low > 0
        if high <= low:
            low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
        return cls(low, high, start, end, log)

    def place(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(value)
        return round(self.start + (at - low) / (high - low) * (self.end - self.start), 1)

    def ticks(self) -> tuple[tuple[float, str], ...]:
        values = _decades(self.low, self.high) if self.log else _even(self.low, self.high)
        return tuple((self.place(v), rounded(v)) for v in values)


def _even(low: float, high: float) -> list[float]:
    rough = (high - low) / 4
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough)
    first = math.ceil(low / step)
    return [step * k for k in range(first, math.floor(high / step) + 1)]


def _decades(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for parts in ((1,), (1, 3), (1, 2, 5)):
        found = [10.0**p * k for p in powers for k in parts if low <= 10.0**p * k <= high]
        if len(found) > 2:
            return found[:: -(-len(found) // 6)]
    return found or [low, high]


def _path(points: NDArray[np.float64], x: _Scale, y: _Scale) -> str:
    places = (f"{x.place(float(a)):g} {y.place(float(b)):g}" for a, b in points)
    return "M" + "L".join(places)


def shares_table(shares: Mapping[str, Sequence[float | None]]) -> list[tuple[str, list[str]]]:
    """Return the texts of gradient shares in percent, a row a loss."""
    return [
        (name, ["-" if v is None else f"{100 * v:.1f}" for v in values])
        for name, values in shares.items()
    ]
