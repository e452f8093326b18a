"""Market-1501 in its native layout."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from reidbench.data.dataset import SPLITS, Split
from reidbench.data.folders import FolderDataset, Row
from reidbench.errors import ReidbenchError

FOLDERS: dict[Split, str] = {
    "train": "bounding_box_train",
    "query": "query",
    "gallery": "bounding_box_test",
}
IMAGES: dict[Split, int] = {"train": 12_936, "query": 3_368, "gallery": 19_732}
PERSONS: dict[Split, int] = {"train": 751, "query": 750, "gallery": 750}
JUNK, DISTRACTOR = -1, 0
MARKED = {JUNK: 3_819, DISTRACTOR: 2_798}  # in the gallery, as files on disk

# person_camera+sequence_frame_box; the official archive doubles the suffix of 38 files.
_NAME = re.compile(r"(-1|\d{4})_c([1-6])s\d_\d{6}_\d{2}(\.jpg)+", re.IGNORECASE)


class Market1501(FolderDataset):
    """Market-1501: 1,501 persons seen by six cameras on a campus.

    Junk (pid -1) and distractors (pid 0) of the gallery are kept, as the official evaluation
    leaves junk out of each ranking and counts distractors as wrong.
    """

    terms = "Research only; do not redistribute or use commercially."
    citation = (
        "L. Zheng, L. Shen, L. Tian, S. Wang, J. Wang and Q. Tian. "
        "Scalable Person Re-identification: A Benchmark. ICCV 2015."
    )
    title: ClassVar[str] = "market1501"
    places: ClassVar[tuple[str, ...]] = (".", "Market-1501-v15.09.15", "market1501", "Market-1501")
    folders: ClassVar[tuple[str, ...]] = tuple(FOLDERS.values())
    expected: ClassVar[str] = (
        "the extracted Market-1501-v15.09.15 (with bounding_box_train, query and "
        "bounding_box_test), or the folder that holds it"
    )

    def __init__(self, *, root: str) -> None:
        """Read from ``root``: the dataset's folder, or a folder that holds it."""
        super().__init__(root)

    def list_rows(self, split: Split) -> list[Row]:
        """Return the images of a split, sorted by name."""
        return [self._row(FOLDERS[split], name) for name in self.image_names(FOLDERS[split])]

    def wrong_counts(self) -> Iterator[str]:
        """Yield differences from the counts in the archive's readme and from its files."""
        pids = {split: [row.pid for row in self.rows(split)] for split in SPLITS}
        for split in SPLITS:
            persons = {pid for pid in pids[split] if pid > 0}
            yield from _differs(f"{FOLDERS[split]}: images", len(pids[split]), IMAGES[split])
            yield from _differs(f"{FOLDERS[split]}: persons", len(persons), PERSONS[split])
        for pid, name in ((JUNK, "junk"), (DISTRACTOR, "distractor")):
            found = pids["gallery"].count(pid)
            yield from _differs(f"bounding_box_test: {name} images", found, MARKED[pid])
        if both := set(pids["train"]) & set(pids["query"]):
            yield f"query: {len(both)} persons are also in bounding_box_train"

    def _row(self, folder: str, name: str) -> Row:
        match = _NAME.fullmatch(name)
        if match is None:
            raise ReidbenchError(
                f"market1501: cannot tell person and camera from {self.home / folder / name}; "
                "expected a name like 0002_c1s1_000451_03.jpg"
            )
        return Row(f"{folder}/{name}", int(match[1]), int(match[2]) - 1)


def _differs(what: str, found: int, published: int) -> Iterator[str]:
    if found != published:
        yield f"{what}: {found:,} found, {published:,} published"
