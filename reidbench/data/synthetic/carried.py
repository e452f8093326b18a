"""Things carried: backpack, shoulder bag, handbag, suitcase, umbrella."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reidbench.data.synthetic.canvas import Point, planes
from reidbench.data.synthetic.figure import SHOULDER, Figure

DARK = planes((0.14, 0.13, 0.13))


@dataclass(frozen=True)
class Carried:
    """Carried things, in two layers: behind the trunk and before it."""

    figure: Figure

    def behind(self) -> None:
        """Paint what the trunk hides in part."""
        layers: dict[str, Callable[[], None]] = {
            "backpack": self._pack_behind,
            "suitcase": self._suitcase,
            "umbrella": self._umbrella,
        }
        layers.get(self.figure.person.carried, _nothing)()

    def before(self) -> None:
        """Paint what hangs before the trunk."""
        layers: dict[str, Callable[[], None]] = {
            "backpack": self._pack_before,
            "bag": self._shoulder_bag,
            "handbag": self._handbag,
        }
        layers.get(self.figure.person.carried, _nothing)()

    @property
    def _side(self) -> int:
        """On which side of the picture it is: a person seen from behind is mirrored."""
        side = self.figure.person.item_side
        return -side if self.figure.pose.back else side

    def _box(self, centre: Point, half_width: float, half_height: float) -> None:
        person, brush = self.figure.person, self.figure.brush
        w, h = half_width * person.item_size, half_height * person.item_size
        patch = brush.canvas.box(centre, w, h, 0.35 * min(w, h))
        brush.cloth(patch, person.item, w, 2 * h)

    def _line(self, start: Point, end: Point, radius: float) -> None:
        canvas = self.figure.brush.canvas
        canvas.paint(canvas.capsule(start, end, radius, radius), DARK)

    def _pack_behind(self) -> None:
        if self.figure.pose.back:
            return
        # From the front only its rim shows; from the side it stands out behind the person.
        pose, half = self.figure.pose, self.figure.shoulder_half
        x = -pose.facing * pose.side * (half + 0.025)
        self._box((x, SHOULDER - 0.13), 0.085 + 0.25 * (half - 0.08), 0.125)

    def _pack_before(self) -> None:
        figure, pose = self.figure, self.figure.pose
        if pose.back:
            x = -pose.facing * pose.side * (figure.shoulder_half * 0.7)
            self._box((x, SHOULDER - 0.14), 0.088 * figure.narrowing, 0.125)
            return
        for strap in (-0.55, 0.55):
            x = (strap + 0.6 * pose.turn) * figure.shoulder_half
            brush = figure.brush
            patch = brush.canvas.capsule((x, SHOULDER + 0.01), (x, SHOULDER - 0.19), 0.011, 0.009)
            brush.skin(patch, figure.person.item.second, 0.8)

    def _shoulder_bag(self) -> None:
        figure, side = self.figure, self._side
        bag = side * (figure.hip_half + 0.02), figure.hip + 0.02
        self._line((-side * 0.7 * figure.shoulder_half, SHOULDER + 0.015), bag, 0.007)
        self._box(bag, 0.058, 0.062)

    def _handbag(self) -> None:
        _, _, (x, y) = self.figure.arm_joints(self._side)
        self._line((x, y), (x, y - 0.06), 0.008)
        self._box((x, y - 0.11), 0.062, 0.055)

    def _suitcase(self) -> None:
        _, _, (x, y) = self.figure.arm_joints(self._side)
        base = x + self._side * 0.055
        self._line((x, y), (base, 0.24), 0.006)
        self._box((base, 0.135), 0.062, 0.105)

    def _umbrella(self) -> None:
        figure, person, brush = self.figure, self.figure.person, self.figure.brush
        _, _, (x, _) = figure.arm_joints(self._side)
        top = figure.pose.lean + self._side * 0.03, 0.975
        self._line((x, SHOULDER - 0.22), (top[0], 1.05), 0.006)
        rx, ry = 0.19 * person.item_size, 0.135
        dome = brush.canvas.ellipse(top, rx, ry)
        dome = dome.cut(brush.canvas.edge((dome.along - 0.5) * (2 * ry)))
        brush.cloth(dome, person.item, rx, 2 * ry)


def _nothing() -> None:
    """Paint nothing: the hands are free."""
