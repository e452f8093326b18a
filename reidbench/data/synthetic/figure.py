"""A pedestrian, painted from the feet up: body, clothes and head.

Heights and widths are in body heights; the soles stand at 0 and the crown is near 1. Parts on
the far side of a body seen from the side are painted first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reidbench.data.synthetic.brush import Brush
from reidbench.data.synthetic.canvas import Patch, Point
from reidbench.data.synthetic.cloth import FRONT_ONLY, Cloth
from reidbench.data.synthetic.person import Person
from reidbench.data.synthetic.pose import Pose

SHOULDER = 0.825
FAR = 0.82  # dimming of limbs on the far side
COAT_HEM = 0.20


@dataclass(frozen=True)
class Figure:
    """A person in a pose, and the brush that paints them."""

    person: Person
    pose: Pose
    brush: Brush

    @cached_property
    def narrowing(self) -> float:
        """Factor by which the trunk looks narrower from the side."""
        return 1 - 0.36 * self.pose.side

    @cached_property
    def hip(self) -> float:
        """Height of the hips."""
        return 0.49 * self.person.legs

    @cached_property
    def shoulder_half(self) -> float:
        """Half the width of the shoulders as seen."""
        return 0.112 * self.person.build * self.narrowing

    @cached_property
    def hip_half(self) -> float:
        """Half the width of the hips as seen."""
        return 0.088 * self.person.build * self.person.hips * (1 - 0.25 * self.pose.side)

    @cached_property
    def neck(self) -> Point:
        """The middle of the shoulders."""
        return self.pose.lean, SHOULDER

    @property
    def near(self) -> int:
        """Side of the nearer limbs: 1 for those on the right of the picture."""
        return -self.pose.facing

    def legs(self) -> None:
        """Paint both legs, the far one first."""
        self._leg(-self.near, FAR)
        self._leg(self.near, 1.0)

    def _leg(self, side: int, dim: float) -> None:
        hip, knee, ankle = self._leg_joints(side)
        self._shoe(ankle, dim)
        build, person = self.person.build, self.person
        canvas = self.brush.canvas
        thigh = canvas.capsule(hip, knee, 0.056 * build, 0.040 * build)
        calf = canvas.capsule(knee, ankle, 0.037 * build, 0.024)
        self.brush.skin(calf, person.calves if person.bottom == "skirt" else person.skin, dim)
        self.brush.skin(thigh, person.skin, dim)
        if person.outfit != "dress" and person.bottom == "trousers":
            wide = person.trouser_width
            calf = canvas.capsule(knee, ankle, 0.043 * build * wide, 0.034 * wide)
            self.brush.cloth(calf, person.lower, 0.045, 0.22, dim=dim)
        if person.outfit != "dress" and person.bottom != "skirt":
            cut = 0.046 * build * person.trouser_width
            thigh = canvas.capsule(hip, knee, 0.060 * build, cut)
            self.brush.cloth(thigh, person.lower, 0.06, 0.24, dim=dim)

    def _leg_joints(self, side: int) -> tuple[Point, Point, Point]:
        pose, shift = self.pose, 0.0 if side > 0 else 0.5
        reach = pose.stride * (0.02 + 0.13 * pose.side) * pose.step(shift) * pose.facing
        lift = 0.05 * pose.stride * max(0.0, pose.step(shift + 0.25))
        hip = side * 0.48 * self.hip_half, self.hip
        ankle = hip[0] * 0.85 + reach, 0.045 + lift
        bend = pose.facing * (0.012 + 0.9 * lift) * pose.side
        knee = (hip[0] + ankle[0]) / 2 + bend, 0.26 + 0.4 * lift
        return hip, knee, ankle

    def _shoe(self, ankle: Point, dim: float) -> None:
        x = ankle[0] + self.pose.facing * 0.028 * self.pose.side
        length = 0.030 + 0.026 * self.pose.side
        shoe = self.brush.canvas.ellipse((x, ankle[1] - 0.02), length, 0.024)
        self.brush.skin(shoe, self.person.shoes, dim)

    def skirt(self) -> None:
        """Paint a skirt, or the skirt of a dress."""
        person = self.person
        if person.outfit != "dress" and person.bottom != "skirt":
            return
        length = person.skirt_length + 0.05
        flare = self.hip_half * (1.12 + 0.6 * person.skirt_length)
        outline = (0.0, self.hip_half * 0.9), (0.07, self.hip_half * 1.1), (length, flare)
        cloth = person.top.continued() if person.outfit == "dress" else person.lower
        patch = self.brush.canvas.column(0.0, self.hip + 0.05, outline, 0.0)
        self.brush.cloth(patch, cloth, self.hip_half, length, self.pose.turn)

    def torso(self) -> None:
        """Paint the upper garment, and what an open coat shows."""
        hem = {"coat": COAT_HEM, "dress": 0.0, "shirt": self.person.hem}[self.person.outfit]
        length = SHOULDER + 0.03 - self.hip + hem
        patch = self._trunk(length)
        # The chest's middle moves with the turn; a person's back shows no print.
        self.brush.cloth(
            patch, self._worn(self.person.top), self.shoulder_half, length, self.pose.turn
        )
        if self.person.outfit == "coat" and not self.pose.back:
            self._opening(patch, length)

    def _trunk(self, length: float) -> Patch:
        waist = 0.86 * self.person.build * 0.112 * (1 - 0.28 * self.pose.side)
        hips = self.hip_half * 1.06
        outline = [(0.0, self.shoulder_half), (0.12, self.shoulder_half * 0.97), (0.24, waist)]
        at_hips = SHOULDER + 0.03 - self.hip
        outline.append((min(at_hips, length), hips))
        if length > at_hips:
            outline.append((length, hips * (1 + 0.9 * (length - at_hips))))
        middle, top = 0.4 * self.pose.lean, SHOULDER + 0.03
        return self.brush.canvas.column(middle, top, tuple(outline), 0.035)

    def _opening(self, patch: Patch, length: float) -> None:
        """Paint the strip of the lower garment's second colour between a coat's open fronts."""
        off = np.abs(patch.across - self.pose.turn) * self.shoulder_half
        strip = patch.cut(self.brush.canvas.edge(off - 0.016 - 0.02 * (1 - patch.along)))
        inner = Cloth("plain", self.person.lower.second, self.person.lower.colour)
        self.brush.cloth(strip, inner, self.shoulder_half, length)

    def _worn(self, cloth: Cloth) -> Cloth:
        return cloth.plain() if self.pose.back and cloth.pattern in FRONT_ONLY else cloth

    def arm(self, side: int) -> None:
        """Paint one arm; ``side`` is 1 for the one on the right of the picture."""
        shoulder, elbow, wrist = self.arm_joints(side)
        person, canvas, build = self.person, self.brush.canvas, self.person.build
        dim = 1.0 if side == self.near else FAR + 0.1 * (1 - self.pose.side)
        self.brush.skin(canvas.ellipse(wrist, 0.021, 0.026), person.skin, dim)
        fore = canvas.capsule(elbow, wrist, 0.027 * build, 0.019)
        upper = canvas.capsule(shoulder, elbow, 0.034 * build, 0.028 * build)
        if person.sleeves == "long":
            fore = canvas.capsule(elbow, wrist, 0.031 * build, 0.025)
            self.brush.cloth(fore, person.sleeve, 0.035, 0.15, dim=dim)
        else:
            self.brush.skin(fore, person.skin, dim)
        if person.sleeves == "none":
            self.brush.skin(upper, person.skin, dim)
        else:
            self.brush.cloth(upper, person.sleeve, 0.035, 0.16, dim=dim)

    def arm_joints(self, side: int) -> tuple[Point, Point, Point]:
        """Return shoulder, elbow and wrist; arms swing against the legs."""
        pose, shift = self.pose, 0.5 if side > 0 else 0.0
        swing = pose.swing * (0.015 + 0.085 * pose.side) * pose.step(shift) * pose.facing
        apart = side * (0.022 * (1 - pose.side) + 0.004)
        shoulder = pose.lean * 0.6 + side * self.shoulder_half * 0.93, SHOULDER - 0.025
        elbow = shoulder[0] + apart + 0.45 * swing, SHOULDER - 0.175
        forward = pose.facing * 0.02 * pose.side
        return shoulder, elbow, (elbow[0] + 0.6 * swing + forward, SHOULDER - 0.32)
