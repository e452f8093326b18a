"""VeRi-776 in its native layout: vehicles in place of persons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from reidbench.data.dataset import Counts, Split
from reidbench.data.readers.folders import FolderDataset, Row

# The archive's readme counts 776 vehicles (576 and 200), 37,778 and 11,579 images and 20 cameras;
# fast-reid's reader (github.com/JDAI-CV/fast-reid, fastreid/data/datasets/veri.py) the same images
# and 1,678 queries, but 775 vehicles. Cameras are those of the files' names; a query is an image of
# each test vehicle in each camera, so that query and gallery have the same.
PUBLISHED: dict[Split, Counts] = {
    "train": Counts(images=37_778, persons=576, cameras=20),
    "query": Counts(images=1_678, persons=200, cameras=19),
    "gallery": Counts(images=11_579, persons=200, cameras=19),
}

# vehicle_camera_frame_number
_NAME = re.compile(r"(?!0000)(\d{4})_c0(0[1-9]|1\d|20)_\d+_\d+\.jpg", re.IGNORECASE | re.ASCII)


class VeRi(FolderDataset):
    """VeRi-776: 776 vehicles seen by twenty cameras in a city.

    Vehicles stand where others have persons. The gallery holds the queries too, which the
    market1501 protocol leaves out: they are of the query's camera.
    """

    terms = "Research only, by the agreement that its owners ask for; do not redistribute."
    citation = (
        "X. Liu, W. Liu, T. Mei and H. Ma. A Deep Learning-Based Approach to Progressive Vehicle "
        "Re-identification for Urban Surveillance. ECCV 2016."
    )
    homepage = "https://vehiclereid.github.io/VeRi/"
    title: ClassVar[str] = "veri"
    places: ClassVar[tuple[str, ...]] = (
        *(".", "VeRi", "VeRi-776", "VeRi_with_plate", "veri", "veri/VeRi"),
        "veri776",
    )
    folders: ClassVar[tuple[str, ...]] = ("image_train", "image_query", "image_test")
    example: ClassVar[str] = "0001_c001_00016450_0.jpg"
    expected: ClassVar[str] = (
        "the extracted VeRi (with image_train, image_query and image_test), or the folder that "
        "holds it"
    )

    def __init__(self, *, root: str) -> None:
        """Read from ``root``: the dataset's folder, or a folder that holds it."""
        super().__init__(root)

    def published(self) -> Mapping[Split, Counts]:
        """Return the counts of Liu et al., and the cameras of the files."""
        return PUBLISHED

    def row(self, folder: str, name: str) -> Row | None:
        """Return vehicle and camera by the name of an image."""
        match = _NAME.fullmatch(name)
        return match and Row(f"{folder}/{name}", int(match[1]), int(match[2]) - 1)
