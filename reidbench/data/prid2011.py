"""PRID 2011, single-shot, in its native layout, with ten committed splits."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from reidbench.data.dataset import Split
from reidbench.data.folders import FolderDataset, Row
from reidbench.errors import ReidbenchError, UsageError
from reidbench.keys import JSON, digest

SPLITS_FILE = Path(__file__).with_name("splits") / "prid2011.json"
SPLIT_COUNT = 10
SHARED = 200  # persons 1..200 are seen by both cameras, the others by one
TRAIN = 100
IMAGES = {"cam_a": 385, "cam_b": 749}
FOLDERS = tuple(IMAGES)

_NAME = re.compile(r"person_(\d{4})\.png", re.IGNORECASE)


class Prid2011(FolderDataset):
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
    title: ClassVar[str] = "prid2011"
    places: ClassVar[tuple[str, ...]] = tuple(
        f"{name}{shot}"
        for name in (".", "prid_2011", "prid2011", "PRID2011", "prid")
        for shot in ("/single_shot", "")
    )
    folders: ClassVar[tuple[str, ...]] = FOLDERS
    expected: ClassVar[str] = (
        "single_shot of the extracted prid_2011 archive (with cam_a and cam_b), "
        "or the folder that holds it"
    )

    def __init__(self, *, root: str, split: int = 0, query_camera: str = "a") -> None:
        """Read from ``root``: the folder of cam_a and cam_b, or one that holds it.

        Args:
            root: where the images are.
            split: which of the ten committed divisions into training and test persons.
            query_camera: "a" or "b"; the other camera is the gallery.
        """
        if not 0 <= split < SPLIT_COUNT:
            raise UsageError(f"prid2011: split is 0 to {SPLIT_COUNT - 1}, not {split}")
        if query_camera not in ("a", "b"):
            raise UsageError(f"prid2011: query_camera is a or b, not {query_camera}")
        super().__init__(root, split=split, query_camera=query_camera)
        self._split = split
        self._query_cam = "ab".index(query_camera)

    def identity(self) -> Mapping[str, JSON]:
        """Return the training persons and the query camera."""
        return {"train": list(self._train), "query_camera": self._query_cam}

    def list_rows(self, split: Split) -> list[Row]:
        """Return the images of a split, by camera and person."""
        trained = frozenset(self._train)
        if split == "train":
            return [row for cam in (0, 1) for row in self._seen_by(cam) if row.pid in trained]
        if split == "query":
            rows = self._seen_by(self._query_cam)
            return [row for row in rows if row.pid <= SHARED and row.pid not in trained]
        return [row for row in self._seen_by(1 - self._query_cam) if row.pid not in trained]

    def wrong_counts(self) -> Iterator[str]:
        """Yield differences from the published 385 and 749 persons."""
        for cam, (folder, published) in enumerate(IMAGES.items()):
            numbers = {int(row.name[-8:-4]) for row in self._seen_by(cam)}
            if numbers != set(range(1, published + 1)):
                yield f"{folder}: {len(numbers)} persons found, 1 to {published} published"

    @property
    def _train(self) -> tuple[int, ...]:
        return load_splits(SPLITS_FILE)[self._split]

    def _seen_by(self, cam: int) -> list[Row]:
        rows = [self._row(cam, name) for name in self.image_names(FOLDERS[cam])]
        missing = set(range(1, SHARED + 1)) - {row.pid for row in rows}
        if missing:
            path = self.home / FOLDERS[cam] / f"person_{min(missing):04d}.png"
            raise ReidbenchError(f"prid2011: {path} is missing; persons 1 to {SHARED} are needed")
        return rows

    def _row(self, cam: int, name: str) -> Row:
        match = _NAME.fullmatch(name)
        if match is None:
            raise ReidbenchError(
                f"prid2011: cannot tell the person from {self.home / FOLDERS[cam] / name}; "
                "expected a name like person_0001.png"
            )
        number = int(match[1])
        only_in_a = cam == 0 and number > SHARED
        pid = number - SHARED + IMAGES["cam_b"] if only_in_a else number
        return Row(f"{FOLDERS[cam]}/{name}", pid, cam)


def make_splits() -> list[list[int]]:
    """Return the training persons of each split, drawn by hash so that no library decides them."""
    persons = range(1, SHARED + 1)
    return [
        sorted(sorted(persons, key=lambda person: digest(["prid2011", split, person]))[:TRAIN])
        for split in range(SPLIT_COUNT)
    ]


def splits_text(splits: list[list[int]]) -> str:
    """Return the text of the committed file: one line a split, and a checksum over them all."""
    lines = ",\n".join("  " + json.dumps(split) for split in splits)
    return f'{{"sha256": "{_checksum(splits)}",\n "train": [\n{lines}\n]}}\n'


@lru_cache(maxsize=1)
def load_splits(path: Path) -> tuple[tuple[int, ...], ...]:
    """Return the training persons of each split.

    Raises:
        ReidbenchError: if the file does not match its checksum.
    """
    content = json.loads(path.read_text())
    if _checksum(content["train"]) != content["sha256"]:
        raise ReidbenchError(f"{path} does not match its checksum; reinstall reidbench")
    return tuple(tuple(split) for split in content["train"])


def _checksum(splits: list[list[int]]) -> str:
    return hashlib.sha256(json.dumps(splits).encode()).hexdigest()
