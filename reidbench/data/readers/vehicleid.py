"""VehicleID in its native layout: vehicles in place of persons, cameras not labelled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from reidbench.data.dataset import UNKNOWN, Counts, Split
from reidbench.data.places import stays_inside
from reidbench.data.readers.folders import FolderDataset, Row
from reidbench.errors import UsageError, shown
from reidbench.storage.keys import JSON, derive_seed, digest

Size = Literal[800, 1600, 2400]

# Lines of the archive's lists, as fast-reid's reader states them (github.com/JDAI-CV/fast-reid,
# fastreid/data/datasets/vehicleid.py). The paper's table counts otherwise: 110,178 images of 13,134
# vehicles to train on, and 7,332, 12,995 and 20,038 in the test sets.
TRAINED = Counts(images=113_346, persons=13_164, cameras=None)
SIZES: Mapping[int, int] = {800: 6_493, 1600: 13_377, 2400: 19_777}
"""Images of each test list, by its number of vehicles."""
SPLITS_DRAWN = 10
_NAME = re.compile(r"\d{7}\.jpg", re.IGNORECASE | re.ASCII)
_LINE = re.compile(r"(\d{7}) (\d{1,9})", re.ASCII)


class VehicleID(FolderDataset):
    """VehicleID: 26,267 vehicles on the roads of a small city; who saw them is not labelled.

    One image of each test vehicle is the gallery, all its others are queries, as published; it is
    drawn at random for each of ten splits, from a seed of the split alone.
    """

    protocol = "single-shot"
    terms = "Research only, by the agreement that its owners ask for; do not redistribute."
    citation = (
        "H. Liu, Y. Tian, Y. Wang, L. Pang and T. Huang. Deep Relative Distance Learning: Tell the "
        "Difference Between Similar Vehicles. CVPR 2016."
    )
    homepage = "https://www.pkuml.org/resources/pku-vehicleid.html"
    title: ClassVar[str] = "vehicleid"
    places: ClassVar[tuple[str, ...]] = (
        *(".", "VehicleID", "VehicleID_V1.0", "vehicleid", "vehicleid/VehicleID"),
        *("vehicleid/VehicleID_V1.0", "PKU-VehicleID"),
    )
    folders: ClassVar[tuple[str, ...]] = ("image",)
    example: ClassVar[str] = "0000001.jpg"
    expected: ClassVar[str] = (
        "the extracted VehicleID_V1.0 (with image and train_test_split), or the folder that "
        "holds it"
    )

    def __init__(self, *, root: str, test: Size = 800, split: int = 0) -> None:
        """Read from ``root``: the dataset's folder, or a folder that holds it.

        Args:
            root: where the images are.
            test: vehicles of the test list.
            split: which of the ten galleries.
        """
        if test not in SIZES:
            raise UsageError(f"vehicleid: test is 800, 1600 or 2400, not {test}")
        if not 0 <= split < SPLITS_DRAWN:
            raise UsageError(f"vehicleid: split is 0 to {SPLITS_DRAWN - 1}, not {split}")
        super().__init__(root, test=test, split=split)
        self._test, self._split = test, split

    @property
    def division(self) -> str:
        """Origin of the division: the lists are official, the gallery is drawn."""
        return f"official, gallery drawn (split {self._split})"

    def published(self) -> Mapping[Split, Counts]:
        """Return the counts of the test list."""
        vehicles, images = self._test, SIZES[self._test]
        return {
            "train": TRAINED,
            "query": Counts(images - vehicles, vehicles, None),
            "gallery": Counts(vehicles, vehicles, None),
        }

    def identity(self) -> Mapping[str, JSON]:
        """Return the images of the splits."""
        return {s: digest([row.name for row in self.rows(s)]) for s in ("train", "gallery")}

    def file_names(self) -> list[str]:
        """Return the images of both lists."""
        return [row.name for rows in (self._listed_in("train"), self._tested) for row in rows]

    def list_rows(self, split: Split) -> list[Row]:
        """Return the images of a split, sorted by name."""
        if split == "train":
            return self._listed_in("train")
        rows = [row for row in self._tested if (row.name in self._gallery) == (split == "gallery")]
        if not rows:
            self.refuse(f"there are no {split} images; expected {self.expected}")
        return rows

    def row(self, folder: str, name: str) -> Row | None:
        """Return an image that no list has named yet."""
        return Row(f"{folder}/{name}", 0, UNKNOWN) if _NAME.fullmatch(name) else None

    @cached_property
    def _tested(self) -> list[Row]:
        return self._listed_in(f"test_{self._test}")

    @cached_property
    def _gallery(self) -> frozenset[str]:
        """The names of the gallery's images: one a vehicle."""
        rng = np.random.default_rng(derive_seed("vehicleid", self._test, self._split))
        images: dict[int, list[str]] = {}
        for row in self._tested:
            images.setdefault(row.pid, []).append(row.name)
        return frozenset(names[rng.integers(len(names))] for _, names in sorted(images.items()))

    def _listed_in(self, half: str) -> list[Row]:
        """Return the images that a list names, sorted; their paths are never opened."""
        train, _, size = half.partition("_")
        path = (
            self.home
            / "train_test_split"
            / (f"test_list_{size}.txt" if size else f"{train}_list.txt")
        )
        if not (path.is_file() and stays_inside(path, self.home)):
            self.refuse(f"there is no list {shown(path)}; expected {self.expected}")
            return []
        there = {row.name for row in self.rows_in("image")}
        rows: dict[str, Row] = {}
        for number, line in enumerate(path.read_text("ascii", "replace").splitlines(), 1):
            match = _LINE.fullmatch(line.strip())
            name = f"image/{match[1]}.jpg" if match else ""
            if match is None or int(match[2]) < 1 or name not in there or name in rows:
                self.refuse(
                    f"{shown(path)}, line {number}, '{shown(line)[:40]}' is not one image of the "
                    "folder image and its vehicle, as '0000001 12', or repeats another"
                )
            else:
                rows[name] = Row(name, int(match[2]), UNKNOWN)
        return [rows[name] for name in sorted(rows)]
