"""Things that stand between the camera and a person.

Lengths are in half image heights about the person's feet, y upwards, so that whatever is drawn
hides some of the person wherever they stand; a person is about 1.7 high and 0.4 wide.
"""

from __future__ import annotations

from collections.abc import Callable

from reidbench.data.synthetic.canvas import Canvas, Patch, Plane, Point, planes
from reidbench.data.synthetic.draws import Draws
from reidbench.data.synthetic.person import COLOURS, SOBER
from reidbench.data.synthetic.scene import paint_passer_by

RUBBER = planes((0.12, 0.12, 0.13))
GLASS = planes((0.30, 0.34, 0.38))
TYRE = 0.035
WHEEL = 0.27


def paint_occluder(canvas: Canvas, draws: Draws) -> None:
    """Paint one thing before a person: a pole, a bicycle, a car or somebody nearer.

    Args:
        canvas: over the whole picture, with its origin at the person's feet.
        draws: the shot's stream.
    """
    draws.pick(OCCLUDERS)(canvas, draws)


def _colour(draws: Draws) -> Plane:
    return planes(COLOURS[draws.pick(SOBER if draws.chance(0.6) else tuple(COLOURS))])


def _shaded(canvas: Canvas, patch: Patch, colour: Plane) -> None:
    canvas.paint(patch, colour * (1.05 - 0.25 * patch.along + 0.12 * patch.across))


def _pole(canvas: Canvas, draws: Draws) -> None:
    """Paint a lamp post or a trunk, from the ground to beyond the picture."""
    half = draws.between(0.035, 0.085)
    patch = canvas.box((draws.about_zero(0.12), 1.3), half, 1.5, 0.02)
    canvas.paint(patch, _colour(draws) * (1 - 0.35 * patch.across * patch.across))


def _bicycle(canvas: Canvas, draws: Draws) -> None:
    """Paint a parked bicycle before the legs."""
    colour, x, way = _colour(draws), draws.about_zero(0.16), draws.pick((-1, 1))
    axle = draws.between(0.14, 0.22)
    rear, front = (x - way * 0.31, axle), (x + way * 0.33, axle)
    for hub in (rear, front):
        _wheel(canvas, hub)
    crank, saddle, head = (x, axle - 0.02), (x - way * 0.12, 0.62), (x + way * 0.22, 0.60)
    bars: list[tuple[Point, Point]] = [
        (crank, rear), (crank, saddle), (crank, head),
        (rear, saddle), (saddle, head), (front, head),
    ]  # fmt: skip
    for start, end in bars:
        canvas.paint(canvas.capsule(start, end, 0.022, 0.022), colour)
    canvas.paint(canvas.ellipse((saddle[0], 0.66), 0.08, 0.03), RUBBER)
    grip = head[0] - way * 0.06, 0.72
    canvas.paint(canvas.capsule(head, grip, 0.022, 0.022), RUBBER)


def _wheel(canvas: Canvas, hub: Point) -> None:
    rim = canvas.ellipse(hub, WHEEL, WHEEL)
    off_x, off_y = canvas.x[rim.window] - hub[0], canvas.y[rim.window] - hub[1]
    inner = WHEEL - TYRE
    # Outside the inner circle: (r^2 - inner^2) / 2 inner is the distance, near the circle.
    outside = (off_x * off_x + off_y * off_y - inner * inner) / (2 * inner)
    canvas.paint(rim.cut(canvas.edge(-outside)), RUBBER)


def _car(canvas: Canvas, draws: Draws) -> None:
    """Paint the bonnet or boot of a parked car, which hides one leg or both."""
    colour, way = _colour(draws), draws.pick((-1, 1))
    end = draws.between(-0.02, 0.22)  # how far beyond the person's middle it reaches
    top, half = draws.between(0.42, 0.66), 0.75
    x = way * (half - end)
    cabin = canvas.box((x + way * 0.35, top + 0.12), 0.42, 0.22, 0.10)
    canvas.paint(cabin, GLASS * (1.2 - 0.5 * cabin.along))
    _shaded(canvas, canvas.box((x, top - 0.35), half, 0.35, 0.09), colour)
    wheel = x - way * 0.40, top - 0.62
    canvas.paint(canvas.ellipse(wheel, 0.21, 0.21), RUBBER)
    canvas.paint(canvas.ellipse(wheel, 0.11, 0.11), planes((0.62, 0.62, 0.63)))


def _passer_by(canvas: Canvas, draws: Draws) -> None:
    """Paint somebody nearer to the camera who walks through the picture."""
    x = draws.pick((-1, 1)) * draws.between(0.20, 0.36)
    feet = x, draws.between(-0.30, -0.12)
    paint_passer_by(canvas, draws, feet, draws.between(1.7, 2.1))


OCCLUDERS: tuple[Callable[[Canvas, Draws], None], ...] = (_pole, _bicycle, _car, _passer_by)
