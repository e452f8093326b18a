"""One picture of one person: who, where, when and by which camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reidbench.data.synthetic.brush import Brush
from reidbench.data.synthetic.canvas import Canvas, Plane, lattice_noise
from reidbench.data.synthetic.carried import Carried
from reidbench.data.synthetic.draws import Draws
from reidbench.data.synthetic.figure import Figure
from reidbench.data.synthetic.head import Head
from reidbench.data.synthetic.looks import Look, camera_look
from reidbench.data.synthetic.optics import expose, light_scene, pixel_grid, to_levels
from reidbench.data.synthetic.person import Person, draw_person
from reidbench.data.synthetic.pose import draw_pose
from reidbench.data.synthetic.scene import ROOM, Scene, paint_passers_by, paint_scene

RENDERER_VERSION = 1  # raise it whenever a pixel changes
PERSON_HEIGHT = 1.80  # of a person of stature 1, in half image heights


@dataclass(frozen=True)
class World:
    """A rendered domain: its name, its seed and how far it is from the first.

    Attributes:
        domain: a key of ``looks.DOMAINS``.
        seed: of everything drawn.
        gap: 0 makes every domain look like the first, 1 is the full difference.
        height, width: of the pictures, in pixels.
    """

    domain: str
    seed: int
    gap: float
    height: int
    width: int

    def render(self, role: str, person: int, camera: int, shot: int) -> NDArray[np.uint8]:
        """Return ``[H, W, 3]`` RGB."""
        return Shot(self, role, person, camera, shot).picture()

    def mask(self, role: str, person: int, camera: int, shot: int) -> NDArray[np.uint8]:
        """Return ``[H, W]`` in 0..255: how much of each pixel is the person or carried."""
        return to_levels(Shot(self, role, person, camera, shot).figure().alpha)


@dataclass(frozen=True)
class Shot:
    """One picture. ``role`` tells people of the dataset from strangers, who are numbered apart."""

    world: World
    role: str
    person: int
    camera: int
    shot: int

    def figure(self) -> Canvas:
        """Return the person alone, painted on nothing; not to be painted on."""
        return _figure(self)

    def paint(self) -> Canvas:
        """Paint the person alone."""
        person = _person(self.world, self.role, self.person)
        x, y, size = self._place(person)
        canvas = Canvas(x, y, 2 / self.world.height / size)
        draws = self._draws("pose")
        figure = Figure(person, draw_pose(draws), self._brush(canvas, draws))
        paint_figure(figure)
        return canvas

    def picture(self) -> NDArray[np.uint8]:
        """Return the person in the scene, as the camera sees them."""
        x, y = self._grid
        figure = self.figure()
        rgb = figure.rgb + (1 - figure.alpha) * self._background().rgb
        lit = light_scene(rgb, x, y, self._look, self._draws("light"))
        return expose(lit, self._look, self._draws("noise"))

    @property
    def _look(self) -> Look:
        return _look(self.world, self.camera)

    @property
    def _grid(self) -> tuple[Plane, Plane]:
        return pixel_grid(self.world.height, self.world.width, self._look)

    def _draws(self, purpose: str) -> Draws:
        world = self.world
        return Draws(
            world.seed, world.domain, self.role, self.person, self.camera, self.shot, purpose
        )

    def _place(self, person: Person) -> tuple[Plane, Plane, float]:
        """Return the pixels' coordinates about the person's feet, and the person's height."""
        draws, (x, y) = self._draws("place"), self._grid
        under_cover = 0.88 if person.carried == "umbrella" else 1.0
        size = PERSON_HEIGHT * person.stature * self._look.zoom[0] * under_cover
        size *= draws.between(0.88, 1.08)
        middle, feet = draws.about_zero(0.14), 0.90 + draws.about_zero(0.08)
        return (x - middle) / size, (feet - y) / size, size

    def _brush(self, canvas: Canvas, draws: Draws) -> Brush:
        folds = lattice_noise(draws.lattice(32, 32), canvas.x * 28, canvas.y * 20)
        return Brush(canvas, self._look.sun[0], folds)

    def _background(self) -> Canvas:
        draws, (x, y) = self._draws("scene"), self._grid
        canvas = Canvas(x, -y, 2 / self.world.height)
        aside, lift = draws.between(-ROOM, ROOM), draws.about_zero(0.15)
        canvas.rgb[:] = _scene(self.world, self.camera).sample(x + aside, y + lift)
        canvas.alpha[:] = 1
        paint_passers_by(canvas, draws)
        self._cast_shadow(canvas)
        return canvas

    def _cast_shadow(self, canvas: Canvas) -> None:
        """Darken the ground beside the feet, away from the light."""
        look = self._look
        centre = -1.2 * look.sun[0], -0.86
        patch = canvas.ellipse(centre, 0.30 + abs(look.sun[0]), 0.09)
        canvas.paint(patch, canvas.rgb[(slice(None), *patch.window)] * (1 - look.shadow[0]))


def paint_figure(figure: Figure) -> None:
    """Paint a pedestrian from the far parts to the near ones."""
    head, carried = Head(figure), Carried(figure)
    carried.behind()
    head.hair_behind()
    figure.arm(-figure.near)
    figure.legs()
    figure.skirt()
    figure.torso()
    carried.before()
    figure.arm(figure.near)
    head.paint()


@lru_cache(maxsize=1)
def _figure(shot: Shot) -> Canvas:
    """Return a figure, kept because an image and its mask are asked for one after the other."""
    return shot.paint()


@lru_cache(maxsize=256)
def _person(world: World, role: str, number: int) -> Person:
    return draw_person(Draws(world.seed, world.domain, role, number))


@lru_cache(maxsize=64)
def _look(world: World, camera: int) -> Look:
    return camera_look(world.seed, world.domain, camera, world.gap)


@lru_cache(maxsize=64)
def _scene(world: World, camera: int) -> Scene:
    draws = Draws(world.seed, world.domain, "scene", camera)
    return paint_scene(draws, _look(world, camera), max(world.height // 2, 16))
