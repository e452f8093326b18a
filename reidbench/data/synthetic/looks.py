"""Looks of the domains, and the differences between the cameras of one domain.

A new domain is a new entry of ``DOMAINS``. What the domains differ in, and by how much, is told
in the README beside this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass, fields, replace

from reidbench.data.synthetic.draws import Draws

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Look:
    """The way a camera renders a place. Lengths are in half image heights, colours in 0..1.

    Attributes:
        response: rows of the 3x3 matrix from scene colour to sensor colour.
        tone: curve of each channel, ``(1 + k) x / (1 + k x)``; k above 0 brightens.
        black, white: what the darkest and the brightest become, by channel.
        light: colour of the light.
        sun: slope of the light across a body.
        shadow: darkness of shadows on the ground and of the shade that crosses a picture.
        ground, wall: colours of the place.
        plants: how much of the background is green, 0..1.
        detail: contrast of tiles, panels and windows.
        horizon: where ground meets wall; -1 is the top of the picture.
        blur: standard deviation of the optical blur.
        noise: standard deviation of the sensor's noise.
        vignette: darkening of the corners.
        tilt: enlargement of the top over the bottom, as seen from above.
        squash: foreshortening of heights.
        shear: slant of verticals.
        zoom: size of a person.
        scale: enlargement of the whole picture, as if cut out closer.
        lift: how far above the scene's middle the middle of the picture looks.
    """

    response: Numbers
    tone: Numbers
    black: Numbers
    white: Numbers
    light: Numbers
    sun: Numbers
    shadow: Numbers
    ground: Numbers
    wall: Numbers
    plants: Numbers
    detail: Numbers
    horizon: Numbers
    blur: Numbers
    noise: Numbers
    vignette: Numbers
    tilt: Numbers
    squash: Numbers
    shear: Numbers
    zoom: Numbers
    scale: Numbers = (1.0,)
    lift: Numbers = (0.0,)

    def towards(self, other: Look, weight: float) -> Look:
        """Return this look at weight 0, the other at 1, and beyond it above 1."""
        return self._combine(other, lambda a, b: a + weight * (b - a))

    def varied(self, draws: Draws, spread: Look, times: float = 1.0) -> Look:
        """Return a look that differs from this one by up to ``times * spread`` in each number."""
        return self._combine(spread, lambda a, s: a + draws.about_zero(times * s))

    def with_kind(self, kind: str, other: Look) -> Look:
        """Return this look with what the other has in the fields of a kind of difference."""
        return replace(self, **{name: getattr(other, name) for name in KINDS[kind]})

    def from_height(self, tilt: float, squash: float) -> Look:
        """Return this look through a camera that is higher (positive tilt) or lower.

        The picture is cut out as a person detector would: somebody of middle size in the middle
        still stands from ``-FRAME`` to ``FRAME``, so height above the ground shows in proportions
        only. It differs from this look by a homography of the whole picture.
        """
        lift = FRAME * FRAME * tilt
        return replace(self, tilt=(tilt,), squash=(squash,), scale=(squash,), lift=(lift,))

    def _combine(self, other: Look, rule: Callable[[float, float], float]) -> Look:
        values: list[Numbers] = []
        for field, mine, theirs in zip(fields(self), astuple(self), astuple(other), strict=True):
            low, high = LIMITS.get(field.name, (-9.0, 9.0))
            pairs = zip(mine, theirs, strict=True)
            values.append(tuple(min(max(rule(a, b), low), high) for a, b in pairs))
        return Look(*values)


FRAME = 0.9  # where head and feet of a person of stature 1 are, in half image heights

# What two domains can differ in. Every number of a look is in one of them.
KINDS = {
    "colour": (
        "response", "tone", "black", "white", "light", "sun", "shadow", "blur", "noise", "vignette",
    ),
    "place": ("ground", "wall", "plants", "detail", "horizon"),
    "viewpoint": ("tilt", "squash", "shear", "zoom", "scale", "lift"),
}  # fmt: skip

# What stays physical when cameras vary and when the gap is widened.
LIMITS = {
    "tone": (-0.85, 6.0),
    "black": (0.0, 0.4),
    "white": (0.45, 1.1),
    "light": (0.2, 1.5),
    "shadow": (0.0, 0.9),
    "ground": (0.03, 0.95),
    "wall": (0.03, 0.95),
    "plants": (0.0, 1.0),
    "detail": (0.0, 1.0),
    "horizon": (-1.2, 0.6),
    "blur": (0.0, 0.06),
    "noise": (0.0, 0.15),
    "vignette": (0.0, 0.8),
    "tilt": (-0.55, 0.55),
    "squash": (0.7, 1.6),
    "zoom": (0.6, 1.2),
    "scale": (0.7, 1.6),
    "lift": (-0.45, 0.45),
}

# By day on a paved street, neutral colours, the camera at eye height.
STREET = Look(
    response=(1.04, -0.02, -0.02, -0.02, 1.04, -0.02, -0.02, -0.02, 1.04),
    tone=(0.30, 0.28, 0.22),
    black=(0.03, 0.03, 0.03),
    white=(0.99, 0.98, 0.96),
    light=(1.03, 1.00, 0.95),
    sun=(0.16,),
    shadow=(0.35,),
    ground=(0.60, 0.58, 0.55),
    wall=(0.66, 0.60, 0.52),
    plants=(0.25,),
    detail=(0.55,),
    horizon=(-0.10,),
    blur=(0.008,),
    noise=(0.012,),
    vignette=(0.05,),
    tilt=(0.0,),
    squash=(1.0,),
    shear=(0.0,),
    zoom=(1.0,),
)

# An overcast court seen from a window: cold, dim and dull, more lawn than paving.
COURT = Look(
    response=(0.68, 0.25, 0.07, 0.05, 0.83, 0.12, 0.12, 0.12, 0.78),
    tone=(-0.24, 0.02, 0.30),
    black=(0.03, 0.06, 0.09),
    white=(0.86, 0.93, 0.98),
    light=(0.90, 0.98, 1.05),
    sun=(-0.02,),
    shadow=(0.14,),
    ground=(0.43, 0.48, 0.39),
    wall=(0.44, 0.48, 0.52),
    plants=(0.65,),
    detail=(0.32,),
    horizon=(-0.60,),
    blur=(0.012,),
    noise=(0.020,),
    vignette=(0.10,),
    tilt=(0.12,),
    squash=(1.06,),
    shear=(0.02,),
    zoom=(0.93,),
)

# A square at dusk under sodium lamps: warm, harsh and dark towards the corners.
DUSK = Look(
    response=(0.92, 0.12, 0.01, 0.12, 0.80, 0.04, 0.08, 0.14, 0.58),
    tone=(1.00, 0.40, -0.05),
    black=(0.06, 0.04, 0.03),
    white=(1.02, 0.90, 0.72),
    light=(1.09, 0.93, 0.76),
    sun=(0.30,),
    shadow=(0.55,),
    ground=(0.32, 0.29, 0.27),
    wall=(0.26, 0.23, 0.24),
    plants=(0.12,),
    detail=(0.80,),
    horizon=(0.08,),
    blur=(0.010,),
    noise=(0.035,),
    vignette=(0.35,),
    tilt=(-0.06,),
    squash=(0.97,),
    shear=(-0.03,),
    zoom=(1.04,),
)

# A station under green tubes: flat light, pale tiles, the camera at the ceiling.
STATION = Look(
    response=(0.74, 0.20, 0.06, 0.06, 0.90, 0.04, 0.02, 0.26, 0.66),
    tone=(0.10, 0.55, 0.15),
    black=(0.07, 0.10, 0.08),
    white=(0.84, 0.95, 0.86),
    light=(0.94, 1.06, 0.92),
    sun=(-0.10,),
    shadow=(0.22,),
    ground=(0.36, 0.38, 0.37),
    wall=(0.70, 0.72, 0.68),
    plants=(0.02,),
    detail=(0.90,),
    horizon=(-0.45,),
    blur=(0.014,),
    noise=(0.028,),
    vignette=(0.20,),
    tilt=(0.0,),
    squash=(1.0,),
    shear=(0.03,),
    zoom=(0.97,),
).from_height(tilt=0.28, squash=1.20)

DOMAINS: dict[str, Look] = {
    "a": STREET,
    "b": COURT,
    "c": DUSK,
    "d": STATION,
    "cold": STREET.with_kind("colour", COURT),
    "warm": STREET.with_kind("colour", DUSK),
    "garden": STREET.with_kind("place", COURT),
    "low": STREET.from_height(tilt=-0.22, squash=0.95),
    "high": STREET.from_height(tilt=0.34, squash=1.25),
}
ORIGIN = STREET  # what every domain looks like at gap 0

CAMERA_SPREAD = Look(
    response=(0.06, 0.06, 0.06, 0.06, 0.06, 0.06, 0.06, 0.06, 0.06),
    tone=(0.25, 0.25, 0.25),
    black=(0.02, 0.02, 0.02),
    white=(0.04, 0.04, 0.04),
    light=(0.07, 0.05, 0.08),
    sun=(0.20,),
    shadow=(0.15,),
    ground=(0.10, 0.10, 0.10),
    wall=(0.13, 0.12, 0.13),
    plants=(0.25,),
    detail=(0.25,),
    horizon=(0.20,),
    blur=(0.003,),
    noise=(0.006,),
    vignette=(0.05,),
    tilt=(0.05,),
    squash=(0.03,),
    shear=(0.03,),
    zoom=(0.05,),
    scale=(0.0,),
    lift=(0.0,),
)


def camera_look(seed: int, domain: str, camera: int, gap: float, camera_gap: float = 1.0) -> Look:
    """Return the look of one camera of a domain.

    Args:
        seed: of the cameras.
        domain: a key of ``DOMAINS``.
        camera: from 0.
        gap: of the domain's centre from ``ORIGIN``.
        camera_gap: of the cameras from the centre, in ``CAMERA_SPREAD``.
    """
    centre = ORIGIN.towards(DOMAINS[domain], gap)
    draws = Draws(seed, domain, "camera", camera)
    return centre.varied(draws, CAMERA_SPREAD, camera_gap)
