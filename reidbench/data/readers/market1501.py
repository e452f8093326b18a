"""Market-1501 in its native layout."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from reidbench.data.dataset import DISTRACTOR, Counts, Split
from reidbench.data.readers.folders import FolderDataset, Row

EXTRA = ("images",)
FOLDERS = ("bounding_box_train", "query", "bounding_box_test")
# Images and persons by the archive's readme; distractors and junk as files on disk.
PUBLISHED: dict[Split, Counts] = {
    "train": Counts(images=12_936, persons=751, cameras=6),
    "query": Counts(images=3_368, persons=750, cameras=6),
    "gallery": Counts(images=19_732, persons=750, cameras=6, distractors=2_798, junk=3_819),
}

# person_camera+sequence_frame_box; the official archive doubles the suffix of 38 files.
_NAME = re.compile(r"(-1|\d{4})_c([1-6])s\d_\d{6}_\d{2}(\.jpg)+", re.IGNORECASE | re.ASCII)

_CAMERA = re.compile(r"_c([1-6])s\d_", re.ASCII)


class Market1501(FolderDataset):
    """Market-1501: 1,501 persons seen by six cameras on a campus.

    Junk (pid -1) and distractors (pid 0) of the gallery are kept, as the official evaluation
    leaves junk out of each ranking and counts distractors as wrong. The 500,000 distractors that
    were added later (distractors_500k.zip, extracted to a folder images beside the others) join
    the gallery if they are asked for.
    """

    terms = "Research only; do not redistribute or use commercially."
    citation = (
        "L. Zheng, L. Shen, L. Tian, S. Wang, J. Wang and Q. Tian. "
        "Scalable Person Re-identification: A Benchmark. ICCV 2015."
    )
    homepage = "http://www.liangzheng.org/Project/project_reid.html"
    title: ClassVar[str] = "market1501"
    places: ClassVar[tuple[str, ...]] = (
        *(".", "Market-1501-v15.09.15", "market1501", "market1501/Market-1501-v15.09.15"),
        "Market-1501",
    )
    folders: ClassVar[tuple[str, ...]] = FOLDERS
    multi_query: ClassVar[str] = "gt_bbox"  # boxes drawn by hand, of all 1,501 persons
    example: ClassVar[str] = "0002_c1s1_000451_03.jpg"
    expected: ClassVar[str] = (
        "the extracted Market-1501-v15.09.15 (with bounding_box_train, query and "
        "bounding_box_test), or the folder that holds it"
    )

    def __init__(self, *, root: str, distractors: bool = False) -> None:
        """Read from ``root``: the dataset's folder, or a folder that holds it.

        Args:
            root: where the images are.
            distractors: add the 500,000 distractors to the gallery.
        """
        super().__init__(root, **({"distractors": True} if distractors else {}))
        self._extra = EXTRA if distractors else ()

    def layouts(self) -> Sequence[tuple[str, ...]]:
        """Return the folders of images, that of the added distractors last."""
        return ((*self.folders, *self._extra),)

    def published(self) -> Mapping[Split, Counts]:
        """Return the counts of the archive's readme and files."""
        # What is added has no readme.
        return {s: c for s, c in PUBLISHED.items() if not (self._extra and s == "gallery")}

    def list_rows(self, split: Split) -> list[Row]:
        """Return the images of a split, sorted by name."""
        if split != "multi_query":
            more = [row for f in self._extra if split == "gallery" for row in self.rows_in(f)]
            return [*super().list_rows(split), *more]
        wanted = {(row.pid, row.cam) for row in self.rows("query")}
        return [row for row in self.rows_in(self.multi_query) if (row.pid, row.cam) in wanted]

    def row(self, folder: str, name: str) -> Row | None:
        """Return person and camera by the name of an image."""
        if folder in EXTRA:
            camera = _CAMERA.search(name)  # decides nothing: nobody looks for a distractor
            return Row(f"{folder}/{name}", DISTRACTOR, int(camera[1]) - 1 if camera else 0)
        match = _NAME.fullmatch(name)
        return match and Row(f"{folder}/{name}", int(match[1]), int(match[2]) - 1)
