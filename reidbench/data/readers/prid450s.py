"""PRID 450S in its native layout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from reidbench.data.dataset import Counts, Split
from reidbench.data.readers.divided import Camera, Training, TwoCameras
from reidbench.data.readers.divisions import PLANS
from reidbench.data.readers.folders import Row

_NAME = re.compile(r"img_([0-9]+)\.png", re.IGNORECASE | re.ASCII)


class Prid450s(TwoCameras):
    """PRID 450S: 450 persons seen by two cameras, one image each; 225 train, 225 are tested.

    The archive's folders hold masks (``man_*``) beside the images (``img_*``); files that are not
    called ``img_...`` are left alone. How many digits a number has, and whether numbers begin at 0
    or at 1, could not be verified without the archive; both are read, and persons are divided by
    the order of their numbers. A pid is the number plus one, since 0 stands for distractors.

    The images are said to come from PRID 2011's cameras. The numbers differ, so that nobody can
    tell who is in both: do not take the one as source for the other.
    """

    terms = "Not verified; see the readme of the archive, and use it for research only."
    citation = (
        "P. M. Roth, M. Hirzer, M. Koestinger, C. Beleznai and H. Bischof. "
        "Mahalanobis Distance Learning for Person Re-Identification. "
        "In: Person Re-Identification, Springer 2014."
    )
    homepage = "https://www.tugraz.at/institute/icg/research/team-bischof/lrs/downloads/prid450s/"
    title: ClassVar[str] = "prid450s"
    plan = PLANS["prid450s"]
    places: ClassVar[tuple[str, ...]] = (".", "prid_450s", "prid450s", "PRID450S", "PRID_450s")
    example: ClassVar[str] = "img_001.png"
    expected: ClassVar[str] = (
        "the extracted prid_450s archive (with cam_a and cam_b), or the folder that holds it"
    )

    def __init__(
        self, *, root: str, split: int = 0, query_camera: Camera = "a", train: Training = "split"
    ) -> None:
        """Read from ``root``: the folder of cam_a and cam_b, or one that holds it.

        Args:
            root: where the images are.
            split: which of the ten committed divisions into training and test persons.
            query_camera: "a" or "b"; the other camera is the gallery.
            train: "split", or "all": all 450 persons are for training (for a source).
        """
        super().__init__(root, split=split, train=train, query_camera=query_camera)

    def is_image(self, folder: str, name: str) -> bool:
        """Return whether a file is an image, not a mask or a note."""
        return super().is_image(folder, name) and name.lower().startswith("img_")

    def row(self, folder: str, name: str) -> Row | None:
        """Return the person by the name of an image, and the camera by its folder."""
        match = _NAME.fullmatch(name)
        return match and Row(f"{folder}/{name}", int(match[1]) + 1, self.folders.index(folder))

    def published(self) -> Mapping[Split, Counts]:
        """Return the counts of the protocol."""
        return {
            "train": Counts(900, 450, 2) if self.trains_all else Counts(450, 225, 2),
            "query": Counts(225, 225, 1),
            "gallery": Counts(225, 225, 1),
        }
