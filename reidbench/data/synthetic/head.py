"""A pedestrian's head: face, hair and what is worn on it."""

from __future__ import annotations

from dataclasses import dataclass

from reidbench.data.synthetic.canvas import Patch
from reidbench.data.synthetic.figure import Figure

HALF_WIDTH, HALF_HEIGHT = 0.050, 0.066
CENTRE = 0.918


@dataclass(frozen=True)
class Head:
    """The head of a figure."""

    figure: Figure

    @property
    def _x(self) -> float:
        return self.figure.pose.lean * 1.25

    @property
    def _turned(self) -> float:
        """Place of the face's middle, in half widths of the head."""
        return self.figure.pose.facing * 0.75 * self.figure.pose.side

    def _oval(self, growth: float, lift: float = 0.0) -> Patch:
        size = self.figure.person.head * growth
        centre = self._x, CENTRE + lift
        return self.figure.brush.canvas.ellipse(centre, HALF_WIDTH * size, HALF_HEIGHT * size)

    def hair_behind(self) -> None:
        """Paint long hair that falls behind the shoulders."""
        if self.figure.person.hairstyle == "long" and not self.figure.pose.back:
            self._long_hair()

    def paint(self) -> None:
        """Paint neck, head, hair and hat over the shoulders."""
        figure, person = self.figure, self.figure.person
        canvas, brush = figure.brush.canvas, figure.brush
        top, neck = (self._x, CENTRE - 0.04), figure.neck
        brush.skin(canvas.capsule(neck, top, 0.028 * person.build, 0.026), person.skin, 0.88)
        brush.skin(self._oval(1.0), person.skin)
        if not figure.pose.back:
            self._face()
        if person.hairstyle != "bald":
            self._hair()
        if person.hairstyle in ("cap", "hat"):
            self._headwear()

    def _face(self) -> None:
        brush, size = self.figure.brush, self.figure.person.head
        for eye in (-0.36, 0.36):
            x = self._x + (self._turned * 0.8 + eye) * HALF_WIDTH * size
            patch = brush.canvas.ellipse((x, CENTRE), 0.009, 0.007)
            brush.canvas.paint(patch, brush.canvas.rgb[(slice(None), *patch.window)] * 0.45)

    def _hair(self) -> None:
        figure, person = self.figure, self.figure.person
        oval = self._oval(1.08, 0.006)
        if figure.pose.back:
            cover = figure.brush.canvas.edge((oval.along - 0.86) * 0.13)
        else:
            # The hairline is high over the face and low at the back of a head seen from the side.
            slope = -self._turned * 0.62
            line = 0.34 + slope * oval.across + 0.12 * (slope * slope)
            cover = figure.brush.canvas.edge((oval.along - line) * 0.13)
        figure.brush.skin(oval.cut(cover), person.hair)
        if person.hairstyle == "bun":
            x = self._x - self._turned * HALF_WIDTH
            figure.brush.skin(figure.brush.canvas.ellipse((x, 0.985), 0.027, 0.024), person.hair)
        if person.hairstyle == "long" and figure.pose.back:
            self._long_hair()

    def _long_hair(self) -> None:
        figure = self.figure
        half = HALF_WIDTH * figure.person.head
        outline = (0.0, half * 1.08), (0.1, half * 1.2), (0.19, half * 0.95)
        x = self._x - self._turned * half * 0.5
        hair = figure.brush.canvas.column(x, CENTRE + 0.01, outline, 0.0)
        figure.brush.skin(hair, figure.person.hair, 0.92)

    def _headwear(self) -> None:
        figure, person = self.figure, self.figure.person
        brush, canvas = figure.brush, figure.brush.canvas
        oval = self._oval(1.14, 0.010)
        brush.skin(oval.cut(canvas.edge((oval.along - 0.37) * 0.14)), person.headwear)
        brim = 0.085 if person.hairstyle == "hat" else 0.045
        shift = 0.0 if person.hairstyle == "hat" else self._turned * 0.06
        brush.skin(canvas.ellipse((self._x + shift, 0.945), brim, 0.011), person.headwear, 0.8)
