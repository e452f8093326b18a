"""The place behind the people: one fixed scene a camera, and what passes through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reidbench.data.synthetic.canvas import (
    Canvas,
    Colour,
    Patch,
    Plane,
    Point,
    clamp,
    lattice_noise,
    planes,
)
from reidbench.data.synthetic.draws import Draws
from reidbench.data.synthetic.looks import Look, Numbers
from reidbench.data.synthetic.person import COLOURS, SOBER

LEFT, RIGHT, TOP, BOTTOM = -2.0, 2.0, -1.7, 1.5  # extent of a scene, y downwards
ROOM = 1.2  # how far sideways a picture may look away from the scene's middle
PLANT: Colour = (0.24, 0.36, 0.16)


@dataclass(frozen=True)
class Scene:
    """A painted place.

    Attributes:
        texture: ``[rows * columns, 3]`` colours.
        columns: width of the texture.
        density: texels in a unit of length (half an image height).
    """

    texture: Plane
    columns: int
    density: float

    def sample(self, x: Plane, y: Plane) -> Plane:
        """Return ``[3, H, W]`` at scene coordinates, y downwards, interpolated linearly."""
        rows = len(self.texture) // self.columns
        u = clamp((x - LEFT) * self.density - 0.5, 0, self.columns - 1.001)
        v = clamp((y - TOP) * self.density - 0.5, 0, rows - 1.001)
        j, i = np.floor(u), np.floor(v)
        corner = (i * self.columns + j).astype(np.int32)
        fx, fy = (u - j)[..., None], (v - i)[..., None]
        take = self.texture.take
        upper = take(corner, axis=0) * (1 - fx) + take(corner + 1, axis=0) * fx
        below = corner + self.columns
        lower = take(below, axis=0) * (1 - fx) + take(below + 1, axis=0) * fx
        blended: Plane = upper * (1 - fy) + lower * fy
        return blended.transpose(2, 0, 1)


def paint_scene(draws: Draws, look: Look, density: int) -> Scene:
    """Paint the scene of one camera.

    Args:
        draws: the camera's stream.
        look: the camera's look.
        density: texels in a unit of length.
    """
    columns, rows = int((RIGHT - LEFT) * density), int((BOTTOM - TOP) * density)
    x = np.arange(columns, dtype=np.float32) / np.float32(density) + LEFT
    y = np.arange(rows, dtype=np.float32) / np.float32(-density) - TOP
    wide, high = np.meshgrid(x, y)
    canvas = Canvas(np.ascontiguousarray(wide), np.ascontiguousarray(high), 1.0 / density)
    horizon = -look.horizon[0]
    _wall(canvas, draws, look)
    _plants(canvas, draws, look, horizon)
    _ground(canvas, draws, look, horizon)
    for _ in range(4 + draws.index(5)):
        _furniture(canvas, draws, horizon)
    texture = canvas.rgb.reshape(3, -1).T
    return Scene(np.ascontiguousarray(texture), columns, float(density))


def _everywhere(canvas: Canvas, cover: Plane) -> Patch:
    window = slice(0, cover.shape[0]), slice(0, cover.shape[1])
    return Patch(window, cover, cover, cover)


def _clouded(canvas: Canvas, draws: Draws, cells: float) -> Plane:
    """Return noise with ``cells`` cells a unit, and finer noise upon it."""
    coarse = lattice_noise(draws.lattice(16, 16), canvas.x * cells, canvas.y * cells)
    fine = lattice_noise(draws.lattice(32, 32), canvas.x * (5 * cells), canvas.y * (5 * cells))
    return coarse * 0.65 + fine * 0.35


def _lines(canvas: Canvas, position: Plane, period: float, width: float) -> Plane:
    """Return 1 on thin lines, one a period."""
    phase = position / period
    off = np.abs(phase - np.floor(phase) - 0.5) * period
    return canvas.edge(off - width)


def _wall(canvas: Canvas, draws: Draws, look: Look) -> None:
    detail = look.detail[0]
    noise = _clouded(canvas, draws, 1.5)
    panel = draws.between(0.25, 0.8)
    lines = np.maximum(
        _lines(canvas, canvas.x, panel, 0.012),
        _lines(canvas, canvas.y, panel * draws.between(0.4, 1.2), 0.012),
    )
    shade = 1 + noise * (0.10 + 0.15 * detail) - lines * (0.35 * detail)
    canvas.paint(_everywhere(canvas, np.ones_like(noise)), planes_of(look.wall) * shade)
    for _ in range(int(10 * detail)):
        centre = draws.between(LEFT, RIGHT), draws.between(0.2, 1.6)
        window = canvas.box(centre, draws.between(0.08, 0.3), draws.between(0.1, 0.3), 0.01)
        glass = planes(draws.pick(((0.16, 0.19, 0.24), (0.55, 0.63, 0.70), (0.30, 0.27, 0.24))))
        canvas.paint(window, glass * (1 + 0.3 * window.across))


def _plants(canvas: Canvas, draws: Draws, look: Look, horizon: float) -> None:
    share = look.plants[0]
    where = _clouded(canvas, draws, 1.2)
    leaves = _clouded(canvas, draws, 6.0)
    height = canvas.y - horizon
    cover = clamp((where + 0.25 * leaves + (1.7 * share - 0.75) - 0.35 * height) * 8, 0, 1)
    hue = planes((draws.between(0.8, 1.2), 1.0, draws.between(0.7, 1.2)))
    colour = planes(PLANT) * hue * (1 + 0.75 * leaves)
    canvas.paint(_everywhere(canvas, cover), colour)


def _ground(canvas: Canvas, draws: Draws, look: Look, horizon: float) -> None:
    below = horizon - canvas.y
    depth = 1 / (np.maximum(below, 0) + 0.35)  # distance on the ground, in perspective
    detail, noise = look.detail[0], _clouded(canvas, draws, 3.0)
    tile = draws.between(0.25, 0.5)
    lines = np.maximum(
        _lines(canvas, depth, tile, 0.012), _lines(canvas, canvas.x * depth, tile, 0.012)
    )
    shade = 1 + noise * (0.08 + 0.10 * detail) - lines * (0.3 * detail) + 0.06 * below
    lawn = clamp((_clouded(canvas, draws, 0.8) + (1.6 * look.plants[0] - 1.0)) * 6, 0, 1)
    paved = planes_of(look.ground)
    colour = paved + lawn * 0.8 * (planes(PLANT) * 1.25 - paved)
    canvas.paint(_everywhere(canvas, canvas.edge(-below)), colour * shade)


def _furniture(canvas: Canvas, draws: Draws, horizon: float) -> None:
    """Paint a pole, a bench or a parked car where wall and ground meet."""
    x = draws.between(LEFT, RIGHT)
    colour = planes(COLOURS[draws.pick(SOBER if draws.chance(0.7) else tuple(COLOURS))])
    if draws.chance(0.4):
        foot = horizon - draws.between(0.0, 0.5)
        patch = canvas.box((x, foot + 1.0), draws.between(0.02, 0.05), 1.0, 0.01)
    else:
        half = draws.between(0.1, 0.2)
        centre = x, horizon - draws.between(0.0, 0.3)
        patch = canvas.box(centre, draws.between(0.12, 0.5), half, 0.05)
    canvas.paint(patch, colour * (1 - 0.3 * patch.along + 0.1 * patch.across))


def paint_passers_by(canvas: Canvas, draws: Draws) -> None:
    """Paint up to two other people, cut off by the border, without detail."""
    for _ in range(draws.index(3) if draws.chance(0.35) else 0):
        x = draws.pick((-1, 1)) * draws.between(0.36, 0.62)
        size = draws.between(0.8, 1.5)
        paint_passer_by(canvas, draws, (x, draws.between(-0.85, -0.55)), size)


def paint_passer_by(canvas: Canvas, draws: Draws, feet: Point, size: float) -> None:
    """Paint a person without detail, ``size`` high and standing at ``feet``."""
    x, foot = feet
    upper, lower = (planes(COLOURS[draws.pick(SOBER)]) for _ in range(2))
    for side in (-0.05, 0.05):
        hip, sole = (x + side * size, foot + 0.5 * size), (x + side * size, foot)
        canvas.paint(canvas.capsule(hip, sole, 0.06 * size, 0.035 * size), lower)
    trunk = canvas.box((x, foot + 0.64 * size), 0.13 * size, 0.20 * size, 0.06 * size)
    canvas.paint(trunk, upper * (1 - 0.2 * trunk.across))
    head = canvas.ellipse((x, foot + 0.92 * size), 0.05 * size, 0.065 * size)
    canvas.paint(head, planes((0.45, 0.34, 0.28)))


def planes_of(numbers: Numbers) -> Plane:
    """Return three numbers of a look as ``[3, 1, 1]``."""
    red, green, blue = numbers
    return planes((red, green, blue))
