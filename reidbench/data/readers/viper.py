"""VIPeR in its native layout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from reidbench.data.dataset import Counts, Split
from reidbench.data.readers.divided import Camera, Training, TwoCameras
from reidbench.data.readers.divisions import PLANS
from reidbench.data.readers.folders import Row

_NAME = re.compile(r"([0-9]{3})_[0-9]{1,3}\.bmp", re.IGNORECASE | re.ASCII)  # person_angle


class Viper(TwoCameras):
    """VIPeR: 632 persons seen by two cameras, one image each; 316 train, 316 are tested.

    Numbers begin at 0 and have gaps; persons are divided by their order. A pid is the number plus
    one, since 0 stands for distractors.
    """

    terms = "Not verified; see the readme of the archive, and use it for research only."
    citation = (
        "D. Gray, S. Brennan and H. Tao. "
        "Evaluating Appearance Models for Recognition, Reacquisition, and Tracking. PETS 2007."
    )
    homepage = "https://vision.soe.ucsc.edu/node/178"
    title: ClassVar[str] = "viper"
    plan = PLANS["viper"]
    places: ClassVar[tuple[str, ...]] = (
        *(".", "VIPeR", "viper", "viper/VIPeR"),
        *("VIPeR.v1.0", "VIPeR.v1.0/VIPeR"),
    )
    example: ClassVar[str] = "000_45.bmp"
    expected: ClassVar[str] = (
        "the extracted VIPeR.v1.0 archive (with cam_a and cam_b), or the folder that holds it"
    )

    def __init__(
        self, *, root: str, split: int = 0, query_camera: Camera = "a", train: Training = "split"
    ) -> None:
        """Read from ``root``: the folder of cam_a and cam_b, or one that holds it.

        Args:
            root: where the images are.
            split: which of the ten committed divisions into training and test persons.
            query_camera: "a" or "b"; the other camera is the gallery.
            train: "split", or "all": all 632 persons are for training (for a source).
        """
        super().__init__(root, split=split, train=train, query_camera=query_camera)

    def row(self, folder: str, name: str) -> Row | None:
        """Return the person by the name of an image, and the camera by its folder."""
        match = _NAME.fullmatch(name)
        return match and Row(f"{folder}/{name}", int(match[1]) + 1, self.folders.index(folder))

    def published(self) -> Mapping[Split, Counts]:
        """Return the counts of the protocol."""
        return {
            "train": Counts(1_264, 632, 2) if self.trains_all else Counts(632, 316, 2),
            "query": Counts(316, 316, 1),
            "gallery": Counts(316, 316, 1),
        }
