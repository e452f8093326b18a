"""MSMT17, first and second version, in its native layout."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import ClassVar

from reidbench.data.dataset import SPLITS, Counts, Split
from reidbench.data.places import stays_inside
from reidbench.data.readers.folders import FolderDataset, Row
from reidbench.errors import shown
from reidbench.storage.keys import JSON, digest

LISTS: dict[Split, tuple[str, ...]] = {
    "train": ("list_train.txt", "list_val.txt"),
    "query": ("list_query.txt",),
    "gallery": ("list_gallery.txt",),
}
PUBLISHED: dict[Split, Counts] = {
    "train": Counts(images=32_621, persons=1_041, cameras=15),
    "query": Counts(images=11_659, persons=3_060, cameras=15),
    "gallery": Counts(images=82_161, persons=3_060, cameras=15),
}
TRAIN_PERSONS = 1_041

# person/person_image_camera_date+daytime_frame_box
_NAME = re.compile(
    r"(\d{4})/\1_\d{3}_(0[1-9]|1[0-5])_\d{4}[a-z]+_\d{4}_\d+(_ex)?\.jpe?g",
    re.IGNORECASE | re.ASCII,
)


class MSMT17(FolderDataset):
    """MSMT17: 4,101 persons seen by fifteen cameras, indoors and outdoors.

    Training has the images of both list_train.txt and list_val.txt, as published. The archive
    numbers persons from 0, in training and test alike; here those of training are 1 to 1,041 and
    those of test 1,042 to 4,101. In the second version (MSMT17_V2) faces are masked; where both
    are in one folder the first is read: name the folder of the other to read that.
    """

    terms = "Research only, by the agreement that its owners ask for; do not redistribute."
    citation = (
        "L. Wei, S. Zhang, W. Gao and Q. Tian. "
        "Person Transfer GAN to Bridge Domain Gap for Person Re-Identification. CVPR 2018."
    )
    homepage = "http://www.pkuvmc.com/publications/msmt17.html"
    title: ClassVar[str] = "msmt17"
    places: ClassVar[tuple[str, ...]] = tuple(
        f"{outer}/{inner}"
        for inner, outer in product(("MSMT17_V1", "MSMT17_V2", "."), (".", "msmt17", "MSMT17"))
    )
    folders: ClassVar[tuple[str, ...]] = ("train", "test")
    nested: ClassVar[bool] = True
    example: ClassVar[str] = "0000/0000_000_01_0303morning_0008_0.jpg"
    expected: ClassVar[str] = (
        "the extracted MSMT17_V1 (with train, test and list_*.txt) or MSMT17_V2 (with "
        "mask_train_v2, mask_test_v2 and list_*.txt), or the folder that holds it"
    )

    def __init__(self, *, root: str) -> None:
        """Read from ``root``: the dataset's folder, or a folder that holds it."""
        super().__init__(root)

    def layouts(self) -> Sequence[tuple[str, ...]]:
        """Return the folders of the first and of the second version."""
        return (self.folders, ("mask_train_v2", "mask_test_v2"))

    def published(self) -> Mapping[Split, Counts]:
        """Return the counts of Wei et al."""
        return PUBLISHED

    def identity(self) -> Mapping[str, JSON]:
        """Return the images that the lists name; others in the folders are ignored."""
        return {split: digest([row.name for row in self.rows(split)]) for split in SPLITS}

    def list_rows(self, split: Split) -> list[Row]:
        """Return the images of a split's lists, in their order.

        Paths in the lists are looked up among the names of what is there, and never opened.
        """
        folder = self.parts[0 if split == "train" else 1]
        rows = {row.name: row for row in self.rows_in(folder)}
        found: dict[str, Row] = {}
        files = LISTS[split] if rows else ()  # a folder without images was refused already
        for line, name, pid in (entry for file in files for entry in self._entries(file)):
            row = rows.get(f"{folder}/{name}")
            if row is None:
                self.refuse(f"{line} names {shown(name)}, which is no image in {folder}")
            elif row.name in found:
                self.refuse(f"{line} names {shown(name)} again")
            elif pid != str(int(name[:4])):
                self.refuse(f"{line} says that {shown(name)} is person {shown(pid)}")
            else:
                found[row.name] = row
        return list(found.values())

    def wrong_counts(self) -> Iterator[str]:
        """Yield differences from the published counts, and how many images are in no list."""
        yield from super().wrong_counts()
        listed = {row.name for split in SPLITS for row in self.rows(split)}
        for folder in self.parts:
            if lone := {row.name for row in self.rows_in(folder)} - listed:
                yield f"{folder}: {len(lone):,} images are in no list, first {shown(min(lone))}"

    def row(self, folder: str, name: str) -> Row | None:
        """Return person and camera by the name of an image."""
        match = _NAME.fullmatch(name)
        first = 1 if folder == self.parts[0] else 1 + TRAIN_PERSONS
        return match and Row(f"{folder}/{name}", first + int(match[1]), int(match[2]) - 1)

    def _entries(self, file: str) -> Iterator[tuple[str, str, str]]:
        """Yield the place of each line of a list, its path, and its person."""
        path = self.home / file
        if not stays_inside(path, self.home):
            self.refuse(f"{shown(path)} is a link that leaves {shown(self.home)}")
            return
        try:
            text = path.read_text(encoding="ascii", errors="backslashreplace")
        except OSError as error:
            self.refuse(f"cannot read {shown(path)}: {error.strerror}; expected {self.expected}")
            return
        for number, line in enumerate(text.splitlines(), 1):
            name, _, pid = line.rpartition(" ")
            yield f"{shown(path)}, line {number},", name, pid
