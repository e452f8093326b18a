"""Painting rounded, lit surfaces of cloth and skin onto a canvas."""

from __future__ import annotations

from dataclasses import dataclass

from reidbench.data.synthetic.canvas import Canvas, Colour, Patch, Plane, planes
from reidbench.data.synthetic.cloth import Cloth

ROUNDNESS = 0.30  # how much darker a surface is where it turns away
CREASES = 0.09


@dataclass(frozen=True)
class Brush:
    """A canvas and the light that falls on what is painted.

    Attributes:
        canvas: painted on.
        light: slope of the light from left (negative) to right.
        folds: ``[H, W]`` noise in [-1, 1], the creases of all clothes.
    """

    canvas: Canvas
    light: float
    folds: Plane

    def skin(self, patch: Patch, colour: Colour, dim: float = 1.0) -> None:
        """Paint a smooth surface; ``dim`` below 1 for what lies in the shade of the body."""
        self.canvas.paint(patch, planes(colour) * (self._lit(patch) * dim))

    def cloth(
        self, patch: Patch, cloth: Cloth, width: float, length: float,
        turn: float = 0.0, dim: float = 1.0,
    ) -> None:  # fmt: skip
        """Paint a garment.

        Args:
            patch: where.
            cloth: its fabric.
            width: half its width, in body heights.
            length: its length, in body heights.
            turn: how far its middle is turned to the side, in half widths.
            dim: below 1 for what lies in the shade of the body.
        """
        # Around a round body the fabric is seen at a slant towards the sides.
        u = patch.across - turn
        across = u * (1 + 0.25 * u * u) * width
        rgb = cloth.rgb(across, patch.along * length, self.canvas.pixel)
        creased = self._lit(patch) + CREASES * self.folds[patch.window]
        self.canvas.paint(patch, rgb * (creased * dim))

    def _lit(self, patch: Patch) -> Plane:
        u = patch.across
        return 1.06 + u * (self.light - ROUNDNESS * u)
