"""Rendering what a translation between rendered domains should show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from reidbench.data.arrays import ImageArray
from reidbench.data.catalog import OpenDataset
from reidbench.data.dataset import TRUTH_PARTS, Split
from reidbench.data.decode import decode, decode_few
from reidbench.data.seen import Rows, Seen, paired_cameras, training_cameras
from reidbench.evaluation.distributions import spread_rows
from reidbench.evaluation.truth import nearest
from reidbench.stages.base import Stage, Work
from reidbench.stages.decode import DatasetImages, Decode
from reidbench.stages.translated import Translated
from reidbench.storage.files import write_array
from reidbench.storage.keys import JSON

PICTURES = 450
"""True pictures that translations are compared with: so many images as fit, evenly spread, each
as all cameras of the other domain see it."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class TrueTranslation(Translated):
    """Images as the cameras of the other domain see them: what a perfect translator would make.

    The first image of a person in camera i is seen by the other domain's camera i; where there are
    more cameras or fewer, see ``paired_cameras``. Labels stay. Nothing is trained.

    Attributes:
        images: of a rendered domain: training images of the source, or test images of the target.
        towards: training images of the other domain, whose cameras look.
        parts: in what their pictures are drawn; see ``Dataset.as_seen_by``.
    """

    kind: ClassVar[str] = "true-translation"

    images: Decode
    towards: DatasetImages
    parts: tuple[str, ...] = TRUTH_PARTS

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return f"render {_titled(self.images, self.towards)}"

    @property
    def data(self) -> OpenDataset:
        """The dataset of the images."""
        return self.images.data

    @property
    def split(self) -> Split:
        """The split of the images."""
        return self.images.split

    @property
    def originals(self) -> Decode:
        """The images."""
        return self.images

    @property
    def like(self) -> DatasetImages:
        """Training images of the other domain."""
        return self.towards

    @property
    def to_source(self) -> bool:
        """True for test images: only the target's are translated."""
        return self.split != "train"

    def values(self) -> JSON:
        """Return the images, whose cameras look, and the parts."""
        return {**_identity(self.images, self.towards), "parts": list(self.parts)}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write pixels, labels and masks."""
        rows = np.arange(len(self.data.dataset.samples(self.split)))
        other, images = self.towards.data.dataset, self.images
        seen = Seen(self.data.dataset, other, self.split, rows, self._cameras, self.parts)
        how = images.interpolation
        decode(seen, self.split, images.size, work.folder, work.progress, interpolation=how)
        return {"images": len(rows)}

    def asked(self, folder: Path) -> Rows:
        """Return the camera that sees each image."""
        return self._cameras

    @property
    def _cameras(self) -> Rows:
        samples = self.data.dataset.samples(self.split)
        others = training_cameras(self.towards.data.dataset)
        return paired_cameras(samples.pids, samples.cams, others)


@dataclass(frozen=True)
class Truths:
    """True pictures of some images by all cameras of another domain.

    Attributes:
        rows: ``[S]`` which images.
        cameras: ``[K]`` the other domain's, in order.
        pixels: ``[S, K, H, W, 3]`` uint8.
        masks: ``[S, K, H, W]`` uint8, 255 on the person.
    """

    rows: Rows
    cameras: Rows
    pixels: Pixels
    masks: Pixels


@dataclass(frozen=True)
class Truth(Stage):
    """A sample of images, each as all cameras of another domain see it, to measure by.

    Attributes:
        images: of a rendered domain.
        towards: training images of the other domain, whose cameras look.
        pictures: at most so many are rendered.
    """

    kind: ClassVar[str] = "truth"

    images: Decode
    towards: DatasetImages
    pictures: int = PICTURES

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return f"render a sample of {_titled(self.images, self.towards)}"

    def values(self) -> JSON:
        """Return the images, whose cameras look, and how many pictures there are."""
        return {**_identity(self.images, self.towards), "pictures": self.pictures}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write pixels, labels and masks, image by image and camera by camera, and the rows."""
        data, images, cameras = self.images.data.dataset, self.images, self._cameras
        count = max(1, self.pictures // len(cameras))
        rows = spread_rows(len(data.samples(images.split)), count)
        how = images.interpolation
        seen = self._seen(rows)
        decode(seen, images.split, images.size, work.folder, work.progress, interpolation=how)
        write_array(work.folder / "rows.npy", rows)
        return {"images": len(rows)}

    def open(self, folder: Path) -> Truths:
        """Map what it wrote to ``folder``."""
        images, rows = ImageArray.open(folder), np.load(folder / "rows.npy")
        assert images.masks is not None
        shape = len(rows), len(self._cameras)
        pixels = images.pixels.reshape(*shape, *images.pixels.shape[1:])
        masks = images.masks.reshape(*shape, *images.masks.shape[1:])
        return Truths(rows, self._cameras, pixels, masks)

    def beside(self, pictures: Pixels, rows: Rows, asked: Rows | None) -> Pixels:
        """Return the truth of some translated pictures ``[N, H, W, 3]``, rendered here and now.

        Args:
            pictures: translated.
            rows: ``[N]`` the image that each was made of.
            asked: ``[N]`` the camera that each was translated to; None takes the nearest truth.
        """
        images, cameras = self.images, self._cameras
        drawn = decode_few(self._seen(rows), images.split, images.size, images.interpolation)
        truths = drawn.reshape(len(rows), len(cameras), *drawn.shape[1:])
        chosen = nearest(pictures, truths) if asked is None else np.searchsorted(cameras, asked)
        return truths[np.arange(len(rows)), chosen]

    def _seen(self, rows: Rows) -> Seen:
        """Return each of the images as every camera sees it."""
        data, other, cameras = self.images.data, self.towards.data, self._cameras
        each, by = np.repeat(rows, len(cameras)), np.tile(cameras, len(rows))
        return Seen(data.dataset, other.dataset, self.images.split, each, by)

    @property
    def _cameras(self) -> Rows:
        return training_cameras(self.towards.data.dataset)


def _titled(images: Decode, towards: DatasetImages) -> str:
    return f"{images.data.title} {images.split} as {towards.data.title} sees it"


def _identity(images: Decode, towards: DatasetImages) -> dict[str, JSON]:
    return {"images": images.values(), "towards": towards.data.identity()}
