"""QMUL i-LIDS (119 persons of the i-LIDS multiple-camera tracking footage) in its native layout."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import PurePath
from typing import ClassVar

from reidbench.data.dataset import Counts, Split
from reidbench.data.readers.divided import DividedDataset, Training
from reidbench.data.readers.divisions import PLANS
from reidbench.data.readers.folders import Row
from reidbench.errors import shown
from reidbench.storage.keys import JSON

IMAGES = 476

_NAME = re.compile(r"([0-9]{4})([0-9]{3})\.jpg", re.IGNORECASE | re.ASCII)  # person, image


class Ilids(DividedDataset):
    """QMUL i-LIDS: 119 persons, 476 images; 59 train, 60 are tested.

    One image of each test person, drawn with the division, is in the gallery; all the person's
    others are queries. (torchreid draws one query of them as well; which of the two a paper means
    has to be asked of the paper.)

    Cameras are not labelled: the last three digits of a name count a person's images, whatever
    torchreid calls them. All images therefore have camera 0, the protocol is single-shot, which
    looks at no cameras, and a protocol across cameras finds no match.

    Persons are divided by the order of their numbers. A pid is the number plus one, since whether
    numbers begin at 0 could not be verified without the archive, and 0 stands for distractors.
    """

    terms = (
        "Not verified; the footage is the UK Home Office's i-LIDS, whose conditions apply. "
        "Use it for research only."
    )
    citation = "W.-S. Zheng, S. Gong and T. Xiang. Associating Groups of People. BMVC 2009."
    homepage = "http://www.eecs.qmul.ac.uk/~jason/data/i-LIDS_Pedestrian.tgz"
    title: ClassVar[str] = "ilids"
    plan = PLANS["ilids"]
    places: ClassVar[tuple[str, ...]] = (
        *(".", "i-LIDS_Pedestrian", "ilids", "ilids/i-LIDS_Pedestrian"),
        *("QMUL_iLIDS", "QMUL_iLIDS/i-LIDS_Pedestrian"),
    )
    folders: ClassVar[tuple[str, ...]] = ("Persons",)
    example: ClassVar[str] = "0001001.jpg"
    expected: ClassVar[str] = (
        "the extracted i-LIDS_Pedestrian archive (with Persons), or the folder that holds it"
    )

    def __init__(self, *, root: str, split: int = 0, train: Training = "split") -> None:
        """Read from ``root``: the folder that holds Persons, or one that holds it.

        Args:
            root: where the images are.
            split: which of the ten committed divisions into training and test persons.
            train: "split", or "all": all 119 persons are for training (for a source).
        """
        super().__init__(root, split=split, train=train)

    def identity(self) -> Mapping[str, JSON]:
        """Return the training persons, and the images of the gallery."""
        return {**super().identity(), "draws": list(self._draws)}

    def row(self, folder: str, name: str) -> Row | None:
        """Return the person by the name of an image; the camera is not known."""
        match = _NAME.fullmatch(name)
        return match and Row(f"{folder}/{name}", int(match[1]) + 1, 0)

    def persons(self) -> Sequence[int]:
        """Return everybody, by number; each has two images at least."""
        people = self._people()
        for lone in (rows[0] for rows in people.values() if len(rows) < 2):
            self.refuse(
                f"{shown(self.home / lone.name)} is its person's only image; "
                "one to ask with and one to find are needed"
            )
        self.refuse_number(len(people))
        return list(people)

    def labelled(self) -> list[Row]:
        """Return all images."""
        return self.rows_in("Persons")

    def queries(self) -> list[Row]:
        """Return the images that were not drawn."""
        drawn = set(self.gallery())
        return [row for row in self.labelled() if row not in drawn]

    def gallery(self) -> list[Row]:
        """Return the image that was drawn of each person."""
        people = self._people().values()
        return [rows[draw % len(rows)] for rows, draw in zip(people, self._draws, strict=True)]

    def published(self) -> Mapping[Split, Counts]:
        """Return the counts of the protocol; images a person are not published."""
        tested = self.plan.persons - self.plan.trained
        everybody = Counts(IMAGES, self.plan.persons, 1)
        return {
            "train": everybody if self.trains_all else Counts(None, self.plan.trained, 1),
            "query": Counts(None, tested, 1),
            "gallery": Counts(tested, tested, 1),
        }

    def wrong_counts(self) -> Iterator[str]:
        """Yield differences from the published counts, images over all persons included."""
        yield from super().wrong_counts()
        if (found := len(self.labelled())) != IMAGES:
            yield f"{found:,} images found, {IMAGES:,} published"

    @property
    def _draws(self) -> tuple[int, ...]:
        return self.divisions.draws[self.split]

    def _people(self) -> dict[int, list[Row]]:
        """Return the images of each person, both in order."""
        rows = sorted(self.labelled(), key=lambda row: _stem(row))
        self.refuse_doubles(rows, key=_stem)
        return {pid: list(images) for pid, images in groupby(rows, key=lambda row: row.pid)}


def _stem(row: Row) -> str:
    return PurePath(row.name).stem
