"""One picture of one person: who, where, when and by which camera."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reidbench.data.synthetic.brush import Brush
from reidbench.data.synthetic.canvas import Canvas, Plane, lattice_noise
from reidbench.data.synthetic.carried import Carried
from reidbench.data.synthetic.draws import Draws
from reidbench.data.synthetic.figure import Figure
from reidbench.data.synthetic.head import Head
from reidbench.data.synthetic.looks import Look, camera_look
from reidbench.data.synthetic.occluders import paint_occluder
from reidbench.data.synthetic.optics import expose, light_scene, pixel_grid, to_levels
from reidbench.data.synthetic.person import Person, draw_person
from reidbench.data.synthetic.pose import BACK, draw_pose, share_of_backs
from reidbench.data.synthetic.scene import ROOM, Scene, paint_passers_by, paint_scene
from reidbench.data.synthetic.wardrobe import dressed

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
        camera_gap: how far the cameras are from each other; 0 makes all of them alike.
        occluders: probability that something stands before the person.
        back: how often a person is seen from behind.
        sides: whether that is so in every camera, or each sees mostly one side.
        wardrobe: how often a garment's colours are of the domain's own wardrobe.
    """

    domain: str
    seed: int
    gap: float
    height: int
    width: int
    camera_gap: float = 1.0
    occluders: float = 0.0
    back: float = BACK
    sides: str = "mixed"
    wardrobe: float = 0.0

    def extras(self) -> dict[str, float | str]:
        """Return the fields that have a default and another value than it.

        A field that is added later, with the default that it had unsaid, changes no fingerprint.
        """
        optional = [field for field in fields(self) if field.default is not MISSING]
        values = {field.name: getattr(self, field.name) for field in optional}
        return {f.name: values[f.name] for f in optional if values[f.name] != f.default}

    def look(self, camera: int) -> Look:
        """Return what a camera makes of its place."""
        return _look(self, camera)

    def render(self, role: str, person: int, camera: int, shot: int) -> NDArray[np.uint8]:
        """Return ``[H, W, 3]`` RGB."""
        return Shot(self, role, person, camera, shot).picture()

    def mask(self, role: str, person: int, camera: int, shot: int) -> NDArray[np.uint8]:
        """Return ``[H, W]`` in 0..255: how much of a pixel shows the person or what they carry."""
        return to_levels(Shot(self, role, person, camera, shot).visible())


class Camera(NamedTuple):
    """One camera of a rendered domain."""

    world: World
    number: int


class Stand(NamedTuple):
    """Place of a person in the scene and their apparent height, in half image heights."""

    middle: float
    feet: float
    size: float


@dataclass(frozen=True)
class Shot:
    """One picture.

    Attributes:
        role: tells people of the dataset from strangers, who are numbered apart.
        seen_by: another domain's camera that looks at the same moment; None is the shot's own.
        parts: the kinds of difference, of ``looks.KINDS``, in which that camera's picture is drawn.
    """

    world: World
    role: str
    person: int
    camera: int
    shot: int
    seen_by: Camera | None = None
    parts: tuple[str, ...] = ()

    def figure(self) -> Canvas:
        """Return the person alone, painted on nothing; not to be painted on."""
        return _figure(self)

    def paint(self) -> Canvas:
        """Paint the person alone."""
        person = _person(self.world, self.role, self.person)
        (x, y), stand = self._grid, self._stand(person)
        size = stand.size
        canvas = Canvas((x - stand.middle) / size, (stand.feet - y) / size, self._pixel / size)
        draws, world = self._draws("pose"), self.world
        pose = draw_pose(draws, share_of_backs(world.sides, world.back, self.camera))
        paint_figure(Figure(person, pose, self._brush(canvas, draws)))
        return canvas

    def front(self) -> Canvas | None:
        """Return what stands before the person, if anything does; not to be painted on."""
        return _front(self) if self.world.occluders else None

    def paint_front(self) -> Canvas | None:
        """Paint what stands before the person, if the shot's stream says that something does."""
        draws = self._draws("occluder")
        if not draws.chance(self.world.occluders):
            return None
        stand = self._stand(_person(self.world, self.role, self.person))
        x, y = self._grid
        canvas = Canvas(x - stand.middle, stand.feet - y, self._pixel)
        paint_occluder(canvas, draws)
        return canvas

    def visible(self) -> Plane:
        """Return ``[H, W]``, how much of each pixel shows the person."""
        figure, front = self.figure(), self.front()
        return figure.alpha if front is None else figure.alpha * (1 - front.alpha)

    def picture(self) -> NDArray[np.uint8]:
        """Return the person in the scene, as the camera sees them."""
        x, y = self._grid
        figure = self.figure()
        rgb = figure.rgb + (1 - figure.alpha) * self._background().rgb
        if (front := self.front()) is not None:
            rgb = front.rgb + (1 - front.alpha) * rgb
        lit = light_scene(rgb, x, y, self._look, self._draws("light"))
        return expose(lit, self._look, self._draws("noise"))

    @property
    def _look(self) -> Look:
        look = self.world.look(self.camera)
        if self.seen_by is None:
            return look
        other = self.seen_by.world.look(self.seen_by.number)
        for kind in self.parts:
            look = look.with_kind(kind, other)
        return look

    @property
    def _place(self) -> Scene:
        if self.seen_by is None or "place" not in self.parts:
            return _scene(self.world, self.camera)
        # Painted at this picture's size, whatever the other domain's is.
        world = replace(self.seen_by.world, height=self.world.height, width=self.world.width)
        return _scene(world, self.seen_by.number)

    @property
    def _pixel(self) -> float:
        return 2 / self.world.height

    @property
    def _grid(self) -> tuple[Plane, Plane]:
        return pixel_grid(self.world.height, self.world.width, self._look)

    def _draws(self, purpose: str) -> Draws:
        world = self.world
        return Draws(
            world.seed, world.domain, self.role, self.person, self.camera, self.shot, purpose
        )

    def _stand(self, person: Person) -> Stand:
        draws = self._draws("place")
        under_cover = 0.88 if person.carried == "umbrella" else 1.0
        size = PERSON_HEIGHT * person.stature * self._look.zoom[0] * under_cover
        size *= draws.between(0.88, 1.08)
        return Stand(draws.about_zero(0.14), 0.90 + draws.about_zero(0.08), size)

    def _brush(self, canvas: Canvas, draws: Draws) -> Brush:
        folds = lattice_noise(draws.lattice(32, 32), canvas.x * 28, canvas.y * 20)
        return Brush(canvas, self._look.sun[0], folds)

    def _background(self) -> Canvas:
        draws, (x, y) = self._draws("scene"), self._grid
        canvas = Canvas(x, -y, self._pixel)
        aside, lift = draws.between(-ROOM, ROOM), draws.about_zero(0.15)
        canvas.rgb[:] = self._place.sample(x + aside, y + lift)
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


@lru_cache(maxsize=1)
def _front(shot: Shot) -> Canvas | None:
    return shot.paint_front()


@lru_cache(maxsize=256)
def _person(world: World, role: str, number: int) -> Person:
    person = draw_person(Draws(world.seed, world.domain, role, number))
    clothes = Draws(world.seed, world.domain, role, number, "wardrobe")
    return dressed(person, clothes, world.wardrobe, world.domain)


@lru_cache(maxsize=64)
def _look(world: World, camera: int) -> Look:
    return camera_look(world.seed, world.domain, camera, world.gap, world.camera_gap)


@lru_cache(maxsize=64)
def _scene(world: World, camera: int) -> Scene:
    draws = Draws(world.seed, world.domain, "scene", camera)
    return paint_scene(draws, _look(world, camera), max(world.height // 2, 16))
