"""The synthetic benchmark's dataset: pedestrians rendered from a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reidbench.data.dataset import DISTRACTOR, TRUTH_PARTS, Dataset, Samples, Split
from reidbench.data.synthetic import render
from reidbench.data.synthetic.looks import DOMAINS
from reidbench.data.synthetic.optics import scene_to_picture, to_levels
from reidbench.data.synthetic.pose import BACK, SIDES
from reidbench.data.synthetic.render import RENDERER_VERSION, Camera, World
from reidbench.errors import UsageError, did_you_mean
from reidbench.storage.keys import digest

RANGES = {
    "ids": (4, 99_999),
    "cameras": (2, 99),
    "images_per_camera": (2, 999),
    "distractors": (0, 99_999),
    "gap": (0, 1.5),
    "height": (16, 1024),
    "width": (8, 1024),
    "camera_gap": (0, 4),
    "occluders": (0, 1),
    "back": (0, 1),
    "wardrobe": (0, 1),
}


class Shot(NamedTuple):
    """One image: whom the renderer draws, where, and how the person is labelled."""

    role: str
    person: int
    camera: int
    shot: int
    pid: int

    @property
    def name(self) -> str:
        """A name in the manner of the real datasets: person, camera, shot."""
        return f"{self.role}_{self.person:05d}_c{self.camera + 1}_{self.shot:03d}.png"


class Synthetic(Dataset):
    """Pedestrians rendered from a seed, with person masks.

    The first half of the persons (rounded up) is for training, the rest for testing; of each
    test person, one image a camera is a query and the others are gallery. Persons of different
    domains are different people. ``ids=1501, cameras=6, images_per_camera=3`` is about the size of
    Market-1501 (751 and 750 persons), ``ids=1078, cameras=6, images_per_camera=4`` has exactly its
    12,936 training images.

    Nothing is rendered before it is asked for. The README beside this file shows what each number
    does.

    Args:
        domain: which of the looks. From domain a, b, c and d differ in all, cold and warm in
            colour only, garden in its place only, low and high in viewpoint only.
        ids: number of persons, training and test together.
        cameras: number of cameras, each of which sees every person.
        images_per_camera: images of a person in one camera.
        distractors: strangers in the gallery, one image each, with pid 0.
        gap: how far the domain's look is from that of domain a: 0 makes them alike, 1 is
            the full difference, of all that the domain differs in. Domain a is the same at
            every gap.
        height: of the images, in pixels.
        width: of the images, in pixels.
        seed: of persons, cameras and images.
        camera_gap: how far the cameras of a domain are from each other: 0 makes them alike
            but for the place behind people, 3 strongly different.
        occluders: probability that a pole, a bicycle, a car or somebody else stands before
            the person.
        back: how often a person is seen from behind.
        sides: "mixed": every camera sees backs that often. "by-camera": that share of the
            cameras sees nine in ten people from behind, the others one in ten.
        wardrobe: how often a garment's colours are drawn from the domain's own wardrobe, e.g.
            bright summer clothes in domain a and dark winter clothes in domain b.

    Raises:
        UsageError: if the domain or the sides are unknown or a number is out of range.
    """

    version: ClassVar[int] = RENDERER_VERSION
    synthetic: ClassVar[bool] = True
    has_masks = True
    has_truth = True
    terms: ClassVar[str] = "Rendered by reidbench; shows nobody; free to use."
    citation: ClassVar[str] = "reidbench, synthetic benchmark."

    def __init__(
        self,
        *,
        domain: str = "a",
        ids: int = 200,
        cameras: int = 3,
        images_per_camera: int = 4,
        distractors: int = 0,
        gap: float = 1.0,
        height: int = 128,
        width: int = 64,
        seed: int = 0,
        camera_gap: float = 1.0,
        occluders: float = 0.0,
        back: float = BACK,
        sides: str = "mixed",
        wardrobe: float = 0.0,
    ) -> None:
        """Check the parameters."""
        if domain not in DOMAINS:
            raise UsageError(f"synthetic: no domain '{domain}'{did_you_mean(domain, DOMAINS)}")
        _require_ranges(
            ids=ids, cameras=cameras, images_per_camera=images_per_camera, distractors=distractors,
            gap=gap, height=height, width=width,
            camera_gap=camera_gap, occluders=occluders, back=back, wardrobe=wardrobe,
        )  # fmt: skip
        if sides not in SIDES:
            raise UsageError(f"synthetic: no sides '{sides}'{did_you_mean(sides, SIDES)}")
        self._world = World(
            domain, seed, float(gap), height, width,
            float(camera_gap), float(occluders), float(back), sides, float(wardrobe),
        )  # fmt: skip
        self._ids, self._cameras = ids, cameras
        self._images, self._distractors = images_per_camera, distractors

    @property
    def population(self) -> str:
        """Persons depend on the domain's name and the seed, and on nothing else."""
        return f"synthetic:{self._world.domain}:{self._world.seed}"

    def samples(self, split: Split) -> Samples:
        """Return the images of a split, by person, camera and shot."""
        shots = [self._shot(split, index) for index in range(self._count(split))]
        return Samples(
            tuple(f"{split}/{shot.name}" for shot in shots),
            np.array([shot.pid for shot in shots], dtype=np.int64),
            np.array([shot.camera for shot in shots], dtype=np.int64),
        )

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one image, ``[height, width, 3]`` RGB."""
        role, person, camera, shot, _ = self._shot(split, index)
        return self._world.render(role, person, camera, shot)

    def read_mask(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one mask, ``[height, width]``: the person and what they carry."""
        role, person, camera, shot, _ = self._shot(split, index)
        return self._world.mask(role, person, camera, shot)

    def camera(self, number: int) -> Camera:
        """Return one of the cameras.

        Raises:
            IndexError: if there is no such camera.
        """
        if not 0 <= number < self._cameras:
            raise IndexError(f"{self._cameras} cameras, no number {number}")
        return Camera(self._world, int(number))

    def as_seen_by(
        self,
        other: Dataset,
        split: Split,
        index: int,
        *,
        camera: int,
        parts: Sequence[str] = TRUTH_PARTS,
    ) -> NDArray[np.uint8]:
        """Return one image as a camera of another domain sees it, ``[height, width, 3]`` RGB.

        The person, the pose, where they stand, the weather of the moment, and what stands before
        or passes behind them are the image's own; so are its size and the draws of the sensor's
        noise. Of the other camera are, by ``parts``, its "colour" (response, light, sharpness and
        strength of the noise), its "place" (the scene behind the people) and its "viewpoint" (the
        homography, and how large people look).

        Args:
            other: another rendered dataset.
            split: of this dataset.
            index: of the image in the split.
            camera: of the other dataset, from 0.
            parts: kinds of difference; of all three it is the whole truth.

        Raises:
            LookupError: if the other dataset is not rendered.
            IndexError: if there is no such image or camera.
            ValueError: if there is no such part.
        """
        return self._seen_by(other, split, index, camera, parts).picture()

    def mask_as_seen_by(
        self,
        other: Dataset,
        split: Split,
        index: int,
        *,
        camera: int,
        parts: Sequence[str] = TRUTH_PARTS,
    ) -> NDArray[np.uint8]:
        """Return the mask of ``as_seen_by``, ``[height, width]`` in 0..255.

        Only the viewpoint changes it. Raises what ``as_seen_by`` raises.
        """
        return to_levels(self._seen_by(other, split, index, camera, parts).visible())

    def _seen_by(
        self, other: Dataset, split: Split, index: int, camera: int, parts: Sequence[str]
    ) -> render.Shot:
        if not other.has_truth:
            raise LookupError(f"{type(other).__name__} is not rendered: no camera of it is known")
        if unknown := [part for part in parts if part not in TRUTH_PARTS]:
            raise ValueError(f"no part '{unknown[0]}'; there are {', '.join(TRUTH_PARTS)}")
        # A dataset, or a view of one that passes this on.
        cameras: Callable[[int], Camera] = getattr(other, "camera")  # noqa: B009
        # In one order, so that equal pictures are equal keys of the renderer's caches.
        chosen = tuple(part for part in TRUTH_PARTS if part in parts)
        return render.Shot(self._world, *self._shot(split, index)[:4], cameras(camera), chosen)

    def viewpoint(self, camera: int) -> NDArray[np.float64]:
        """Return the homography ``[3, 3]`` from the scene to the picture of a camera.

        Both in [-1, 1] from the left and upper border to the right and lower one, as
        ``torch.nn.functional.grid_sample`` has them without ``align_corners``: multiplied by a
        point ``(x, y, 1)`` of a picture taken straight on, it gives where the camera shows it. To
        warp such a picture sample it by the inverse. From camera i of one domain to camera j of
        another it is ``other.viewpoint(j) @ inv(this.viewpoint(i))``.

        Raises:
            IndexError: if there is no such camera.
        """
        world, camera = self.camera(camera)
        aspect = world.width / world.height
        # x in half widths, where the renderer counts half heights.
        units = np.array([[1, 1 / aspect, 1 / aspect], [aspect, 1, 1], [aspect, 1, 1]])
        matrix: NDArray[np.float64] = units * scene_to_picture(world.look(camera))
        return matrix

    def fingerprint(self) -> str:
        """Return a digest of the parameters and the renderer's version."""
        world = self._world
        counts = [self._ids, self._cameras, self._images, self._distractors]
        look = [world.domain, world.gap, world.height, world.width, world.seed]
        extras = [world.extras()] if world.extras() else []
        return digest(["synthetic", self.version, counts, look, *extras])

    def check(self) -> list[str]:
        """Return nothing: there are no files that could be wrong."""
        return []

    @property
    def _train_ids(self) -> int:
        return (self._ids + 1) // 2

    def _shots_each(self, split: Split) -> range:
        """Return which shots of a person and camera belong to a split."""
        return {
            "train": range(self._images),
            "query": range(1),
            "gallery": range(1, self._images),
        }[split]

    def _labelled(self, split: Split) -> int:
        persons = self._train_ids if split == "train" else self._ids - self._train_ids
        return persons * self._cameras * len(self._shots_each(split))

    def _count(self, split: Split) -> int:
        return self._labelled(split) + (self._distractors if split == "gallery" else 0)

    def _shot(self, split: Split, index: int) -> Shot:
        if not 0 <= index < self._count(split):
            raise IndexError(f"{split} has {self._count(split)} images, no number {index}")
        stranger = index - self._labelled(split)
        if stranger >= 0:
            return Shot("stranger", stranger + 1, stranger % self._cameras, 0, DISTRACTOR)
        each = self._shots_each(split)
        place, shot = divmod(index, len(each))
        number, camera = divmod(place, self._cameras)
        person = number + 1 + (0 if split == "train" else self._train_ids)
        return Shot("person", person, camera, each[shot], person)


def _require_ranges(**values: float) -> None:
    for name, value in values.items():
        low, high = RANGES[name]
        if not low <= value <= high:
            raise UsageError(f"synthetic: {name} is {low} to {high:,}, not {value}")
