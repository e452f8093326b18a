"""The camera: where its pixels look, and what light and sensor make of the colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reidbench.data.synthetic.canvas import Plane, clamp
from reidbench.data.synthetic.draws import Draws
from reidbench.data.synthetic.looks import Look
from reidbench.data.synthetic.scene import planes_of

Matrix = tuple[tuple[float, ...], ...]


def pixel_grid(height: int, width: int, look: Look) -> tuple[Plane, Plane]:
    """Return the scene coordinates ``[H, W]`` that each pixel sees, y downwards.

    A unit is half the image's height and the origin its centre. The homography enlarges the top
    (tilt), shortens heights (squash) and slants verticals (shear); scale and lift say which part
    of the scene is cut out.
    """
    unit = np.float32(2 / height)
    x = (np.arange(width, dtype=np.float32) + np.float32(0.5 - width / 2)) * unit
    y = (np.arange(height, dtype=np.float32) + np.float32(0.5 - height / 2)) * unit
    depth = 1 - look.tilt[0] * y[:, None]
    slant = (x[None, :] + look.shear[0] * y[:, None]) / look.scale[0]
    height_seen = y[:, None] * look.squash[0] / look.scale[0] - look.lift[0]
    return slant / depth, np.broadcast_to(height_seen, slant.shape) / depth


def scene_to_picture(look: Look) -> Matrix:
    """Return the rows of the homography that ``pixel_grid`` inverts, from scene to picture.

    Both are in half image heights about the centre, y downwards; the last number is 1.
    """
    tilt, squash, shear = look.tilt[0], look.squash[0], look.shear[0]
    scale, lift = look.scale[0], look.lift[0]
    stretch = scale / squash
    return (
        (scale * (1 - lift * tilt * stretch), -shear * stretch, -shear * lift * stretch),
        (0.0, stretch, lift * stretch),
        (0.0, tilt * stretch, 1.0),
    )


def light_scene(rgb: Plane, x: Plane, y: Plane, look: Look, draws: Draws) -> Plane:
    """Return the scene lit by the camera's light and this moment's weather."""
    exposure = draws.between(0.70, 1.20)
    slope_x, slope_y = draws.about_zero(0.35), draws.about_zero(0.20)
    level = exposure * (1 + slope_x * x + slope_y * y)
    if draws.chance(0.35):
        slant, start = draws.about_zero(1.0), draws.about_zero(0.9)
        shade = clamp((y + slant * x - start) * draws.between(3.0, 9.0), 0, 1)
        level = level * (1 - look.shadow[0] * shade)
    return rgb * (planes_of(look.light) * level)


def blur(rgb: Plane, sigma: float) -> Plane:
    """Return ``[3, H, W]`` blurred by a standard deviation in pixels, borders repeated.

    Each pass weighs a pixel and its neighbours by (w, 1 - 2w, w), which has variance 2w.
    """
    passes = int(sigma * sigma / 0.5) + 1
    weight = sigma * sigma / (2 * passes)
    for _ in range(passes):
        rgb = _smooth(rgb, weight)
        rgb = _smooth(rgb.transpose(0, 2, 1), weight).transpose(0, 2, 1)
    return rgb


def _smooth(rgb: Plane, weight: float) -> Plane:
    padded = np.concatenate([rgb[:, :1], rgb, rgb[:, -1:]], axis=1)
    smoothed: Plane = rgb * (1 - 2 * weight) + (padded[:, :-2] + padded[:, 2:]) * weight
    return smoothed


def expose(rgb: Plane, look: Look, draws: Draws) -> NDArray[np.uint8]:
    """Return the picture ``[H, W, 3]`` that the sensor makes of scene colours ``[3, H, W]``."""
    _, height, width = rgb.shape
    rgb = blur(rgb, look.blur[0] * height / 2)
    rgb = _tone(_mix(rgb, look), look) * _vignette(height, width, look.vignette[0])
    rgb = rgb + draws.bell(*rgb.shape) * np.float32(look.noise[0])
    return np.ascontiguousarray(to_levels(clamp(rgb, 0, 1)).transpose(1, 2, 0))


def to_levels(values: Plane) -> NDArray[np.uint8]:
    """Return values in [0, 1] as 0..255, rounded."""
    levels: NDArray[np.uint8] = np.floor(values * 255 + np.float32(0.5)).astype(np.uint8)
    return levels


def _mix(rgb: Plane, look: Look) -> Plane:
    # Written out: a matrix product may add in any order, and fuse, by processor.
    m = look.response
    red, green, blue_ = rgb
    rows = (red * m[k] + green * m[k + 1] + blue_ * m[k + 2] for k in (0, 3, 6))
    return clamp(np.stack(list(rows)), 0, 1.2)


def _tone(rgb: Plane, look: Look) -> Plane:
    k, black, white = planes_of(look.tone), planes_of(look.black), planes_of(look.white)
    toned: Plane = black + (white - black) * ((1 + k) * rgb / (1 + k * rgb))
    return toned


def _vignette(height: int, width: int, strength: float) -> Plane:
    y = (np.arange(height, dtype=np.float32) + np.float32(0.5)) / np.float32(height / 2) - 1
    x = (np.arange(width, dtype=np.float32) + np.float32(0.5)) / np.float32(width / 2) - 1
    return 1 - np.float32(strength / 2) * ((x * x)[None, :] + (y * y)[:, None])
