"""CUHK01 in its native layout."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import ClassVar, Literal

from reidbench.data.dataset import Counts, Split
from reidbench.data.readers.divided import Camera, Training, TwoCameras, few
from reidbench.data.readers.divisions import PLANS
from reidbench.data.readers.folders import Row
from reidbench.errors import shown
from reidbench.storage.keys import JSON

SHOTS = ("single", "multi")

_NAME = re.compile(r"([0-9]{4})00([1-4])\.png", re.IGNORECASE | re.ASCII)  # person, image


class Cuhk01(TwoCameras):
    """CUHK01: 971 persons, two images each in two cameras; 485 train, 486 are tested.

    Images 1 and 2 of a person are camera A's, 3 and 4 camera B's. Training has all four. In the
    single-shot test, 486 against 486, which of the two images stands for a person in each camera
    is drawn with the division; the multi-shot test, 972 against 972, has both and is scored as
    Market-1501 is.
    """

    terms = "Not verified; see CUHK's conditions on the homepage, and use it for research only."
    citation = (
        "W. Li, R. Zhao and X. Wang. "
        "Human Reidentification with Transferred Metric Learning. ACCV 2012."
    )
    homepage = "http://www.ee.cuhk.edu.hk/~xgwang/CUHK_identification.html"
    title: ClassVar[str] = "cuhk01"
    plan = PLANS["cuhk01"]
    places: ClassVar[tuple[str, ...]] = (".", "CUHK01", "cuhk01")
    folders: ClassVar[tuple[str, ...]] = ("campus",)
    example: ClassVar[str] = "0001001.png"
    expected: ClassVar[str] = (
        "the folder that holds campus of the extracted CUHK01 archive, or one that holds it"
    )

    def __init__(
        self,
        *,
        root: str,
        split: int = 0,
        query_camera: Camera = "a",
        shots: Literal["single", "multi"] = "single",
        train: Training = "split",
    ) -> None:
        """Read from ``root``: the folder that holds campus, or one that holds it.

        Args:
            root: where the images are.
            split: which of the ten committed divisions into training and test persons.
            query_camera: "a" or "b"; the other camera is the gallery.
            shots: "single" tests with one image a person and camera, "multi" with both.
            train: "split", or "all": all 971 persons are for training (for a source).
        """
        self.refuse_other("shots", shots, SHOTS)
        super().__init__(root, split=split, train=train, query_camera=query_camera, shots=shots)
        self.single = shots == "single"
        self.protocol = "single-shot" if self.single else "market1501"

    def identity(self) -> Mapping[str, JSON]:
        """Return the training persons, the query camera, and the images that are shown."""
        drawn = {"draws": list(self.divisions.draws[self.split])} if self.single else {}
        return {**super().identity(), **drawn}

    def row(self, folder: str, name: str) -> Row | None:
        """Return person and camera by the name of an image."""
        match = _NAME.fullmatch(name)
        if match is None or int(match[1]) == 0:
            return None
        return Row(f"{folder}/{name}", int(match[1]), (int(match[2]) - 1) // 2)

    def seen_by(self, cam: int) -> list[Row]:
        """Return the images of a camera, by person and number."""
        rows = [row for row in self.rows_in("campus") if row.cam == cam]
        self.refuse_doubles(rows, key=_stem)
        return rows

    def queries(self) -> list[Row]:
        """Return the images of the query camera that are shown."""
        return self._shown(super().queries())

    def gallery(self) -> list[Row]:
        """Return the images of the other camera that are shown."""
        return self._shown(super().gallery())

    def persons(self) -> Sequence[int]:
        """Return everybody; each has all four images."""
        persons = range(1, self.plan.persons + 1)
        wanted = {f"{person:04d}00{number}" for person in persons for number in range(1, 5)}
        found = {_stem(row) for row in self.rows_in("campus")}
        for wrong, stems in (("lacks", wanted - found), ("should not have", found - wanted)):
            if names := [f"{stem}.png" for stem in stems]:
                self.refuse(
                    f"{shown(self.home / 'campus')} {wrong} {few(names)}; "
                    f"persons 1 to {self.plan.persons} have four images each"
                )
        return persons

    def published(self) -> Mapping[Split, Counts]:
        """Return the counts of the protocol."""
        shown = Counts(486 if self.single else 972, 486, 1)
        train = Counts(3_884, 971, 2) if self.trains_all else Counts(1_940, 485, 2)
        return {"train": train, "query": shown, "gallery": shown}

    def _shown(self, rows: list[Row]) -> list[Row]:
        draws = dict(enumerate(self.divisions.draws[self.split], 1))

        def is_shown(row: Row) -> bool:
            # One draw chooses in both cameras: by its last bit in camera A, by the one before in B.
            second = draws.get(row.pid, 0) >> row.cam & 1
            return int(_stem(row)) % 2 != second

        return [row for row in rows if is_shown(row)] if self.single else rows


def _stem(row: Row) -> str:
    return PurePath(row.name).stem
