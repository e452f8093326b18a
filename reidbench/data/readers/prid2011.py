"""PRID 2011, single-shot, in its native layout."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from reidbench.data.dataset import Counts, Split
from reidbench.data.readers.divided import Camera, Training, TwoCameras, few
from reidbench.data.readers.divisions import PLANS
from reidbench.data.readers.folders import Row
from reidbench.errors import shown

IMAGES = {"cam_a": 385, "cam_b": 749}
SHARED = PLANS["prid2011"].persons  # persons 1 to 200 are seen by both cameras, others by one

_NAME = re.compile(r"person_([0-9]{4})\.png", re.IGNORECASE | re.ASCII)


class Prid2011(TwoCameras):
    """PRID 2011: two cameras, one image a person and camera.

    The protocol of the single-shot experiments (100 of the 200 shared persons for training;
    for testing, the other 100 as queries of one camera and everybody of the other camera who
    is not in training as gallery: 649 in camera B, 285 in camera A).

    A number above 200 names two different persons, one a camera; those of camera A are counted
    on from 750, so that the 934 persons have 934 numbers.
    """

    terms = "Research only; see the readme of the archive."
    citation = (
        "M. Hirzer, C. Beleznai, P. M. Roth and H. Bischof. "
        "Person Re-Identification by Descriptive and Discriminative Classification. SCIA 2011."
    )
    homepage = "https://www.tugraz.at/institute/icg/research/team-bischof/lrs/downloads/PRID11/"
    title: ClassVar[str] = "prid2011"
    plan = PLANS["prid2011"]
    places: ClassVar[tuple[str, ...]] = tuple(
        f"{name}{shot}"
        for name in (".", "prid_2011", "prid2011", "PRID2011", "prid")
        for shot in ("/single_shot", "")
    )
    example: ClassVar[str] = "person_0001.png"
    expected: ClassVar[str] = (
        "single_shot of the extracted prid_2011 archive (with cam_a and cam_b), "
        "or the folder that holds it"
    )

    def __init__(
        self, *, root: str, split: int = 0, query_camera: Camera = "a", train: Training = "split"
    ) -> None:
        """Read from ``root``: the folder of cam_a and cam_b, or one that holds it.

        Args:
            root: where the images are.
            split: which of the ten committed divisions into training and test persons.
            query_camera: "a" or "b"; the other camera is the gallery.
            train: "split", or "all": all 934 persons are for training (for a source).
        """
        super().__init__(root, split=split, train=train, query_camera=query_camera)

    def row(self, folder: str, name: str) -> Row | None:
        """Return the person by the name of an image, and the camera by its folder."""
        match = _NAME.fullmatch(name)
        if match is None or (number := int(match[1])) == 0:
            return None
        cam = self.folders.index(folder)
        only_in_a = cam == 0 and number > SHARED
        pid = number - SHARED + IMAGES["cam_b"] if only_in_a else number
        return Row(f"{folder}/{name}", pid, cam)

    def persons(self) -> Sequence[int]:
        """Return the shared persons, each seen by both cameras."""
        shared = range(1, SHARED + 1)
        for cam, folder in enumerate(self.folders):
            missing = set(shared) - {row.pid for row in self.seen_by(cam)}
            if names := [f"person_{pid:04d}.png" for pid in missing]:
                self.refuse(
                    f"{shown(self.home / folder)} lacks {few(names)}; "
                    f"persons 1 to {SHARED} are needed"
                )
        return shared

    def published(self) -> Mapping[Split, Counts]:
        """Return the counts of the single-shot protocol."""
        found = sum(IMAGES.values())
        gallery = list(IMAGES.values())[1 - self.query_cam] - self.plan.trained
        return {
            "train": Counts(found, found - SHARED, 2) if self.trains_all else Counts(200, 100, 2),
            "query": Counts(100, 100, 1),
            "gallery": Counts(gallery, gallery, 1),
        }

    def wrong_counts(self) -> Iterator[str]:
        """Yield differences from the published 385 and 749 persons, and from the protocol's."""
        for cam, (folder, published) in enumerate(IMAGES.items()):
            numbers = {int(row.name[-8:-4]) for row in self.seen_by(cam)}
            if numbers != set(range(1, published + 1)):
                yield f"{folder}: {len(numbers)} persons found, 1 to {published} published"
        yield from super().wrong_counts()
