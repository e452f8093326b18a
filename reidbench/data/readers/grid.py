"""QMUL underGround Re-IDentification (GRID) in its native layout."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from reidbench.data.dataset import DISTRACTOR, Counts, Split
from reidbench.data.readers.divided import DividedDataset, Training, few
from reidbench.data.readers.divisions import PLANS, SPLIT_COUNT
from reidbench.data.readers.folders import Row
from reidbench.errors import ReidbenchError, UsageError, shown
from reidbench.storage.matlab import read_variable

PARTITIONS = "features_and_partitions.mat"
PROBES = ("fold", "all")
EXTRAS = 775

# person_camera_frame and four numbers of the box
_NAME = re.compile(r"([0-9]{4})_([1-8])_[0-9_-]+\.jpe?g", re.IGNORECASE | re.ASCII)


class Grid(DividedDataset):
    """GRID: 250 persons, one image each in ``probe`` and in ``gallery``, by eight cameras.

    125 persons train, and 125 probes are searched among 900 gallery images: those of the same
    persons and 775 extra images of others (pid 0), which are distractors in every split and never
    for training. The readme of the archive asks for that.

    The ten folds are the official ones where ``features_and_partitions.mat`` of the archive lies
    beside the two folders, and reidbench's own otherwise; ``division`` says which.

    ``probes="all"`` is the setting of SimPGAN's released code: all 250 probes against all 1,025
    gallery images, and the 500 images of the 250 persons for training. Nobody is held out, so
    that every training image, labelled or not, is of a test person.
    """

    terms = "The readme names no licence and asks to cite the publications; research only."
    citation = (
        "C. Liu, S. Gong, C. C. Loy and X. Lin. "
        "Person Re-Identification: What Features Are Important? ECCV Workshops 2012; "
        "C. C. Loy, T. Xiang and S. Gong. Time-Delayed Correlation Analysis for "
        "Multi-Camera Activity Understanding. IJCV 90(1), 2010."
    )
    homepage = "http://personal.ie.cuhk.edu.hk/~ccloy/downloads_qmul_underground_reid.html"
    title: ClassVar[str] = "grid"
    plan = PLANS["grid"]
    places: ClassVar[tuple[str, ...]] = (
        *(".", "underground_reid", "grid", "grid/underground_reid"),
        *("GRID", "GRID/underground_reid"),
    )
    folders: ClassVar[tuple[str, ...]] = ("probe", "gallery")
    example: ClassVar[str] = "0001_1_25004_107_32_106_221.jpeg"
    expected: ClassVar[str] = (
        "the extracted underground_reid archive (with probe and gallery), "
        "or the folder that holds it"
    )

    def __init__(
        self,
        *,
        root: str,
        split: int = 0,
        probes: Literal["fold", "all"] = "fold",
        train: Training = "split",
    ) -> None:
        """Read from ``root``: the folder of probe and gallery, or one that holds it.

        Args:
            root: where the images are.
            split: which of the ten folds.
            probes: "fold", or "all" for SimPGAN's setting, which has no folds.
            train: "split", or "all": all 250 persons are for training (for a source).
        """
        self.refuse_other("probes", probes, PROBES)
        super().__init__(root, split=split, train=train, probes=probes)
        self.undivided = probes == "all"
        if self.undivided and split:
            raise UsageError(f"grid: probes 'all' has no folds; leave split at 0, not {split}")
        self.trains_all = self.trains_all or self.undivided
        self._folds: list[tuple[int, ...]] | None = None

    @property
    def division(self) -> str:
        """Origin of the folds: the official ones, or a file drawn here."""
        if self.undivided:
            return "none, everybody in training and test"
        if self.folds:
            return self.noted(f"official fold {self.split}")
        return super().division

    @property
    def folds(self) -> list[tuple[int, ...]]:
        """The training persons of the official folds; empty if this copy lacks the file.

        Raises:
            ReidbenchError: if it cannot be read.
        """
        if self._folds is None:
            path = self.home / PARTITIONS
            self._folds = official_folds(path) if path.exists() else []
        return self._folds

    def trained(self) -> Sequence[int]:
        """Return the persons of the fold that are for training; nobody if all are tested."""
        if self.undivided:
            return ()
        return self.folds[self.split] if self.folds else super().trained()

    def row(self, folder: str, name: str) -> Row | None:
        """Return person and camera by the name of an image; a probe is never a distractor."""
        match = _NAME.fullmatch(name)
        if match is None or (folder == "probe" and int(match[1]) == DISTRACTOR):
            return None
        return Row(f"{folder}/{name}", int(match[1]), int(match[2]) - 1)

    def persons(self) -> Sequence[int]:
        """Return persons 1 to 250, each with one image in each folder."""
        persons = range(1, self.plan.persons + 1)
        for folder, rows in (("probe", self.queries()), ("gallery", self._matches())):
            self.refuse_doubles(rows, key=lambda row: row.pid)
            found = {row.pid for row in rows}
            self._refuse_people(folder, "lacks", set(persons) - found)
            self._refuse_people(folder, "should not have", found - set(persons))
        return persons

    def labelled(self) -> list[Row]:
        """Return the two images of everybody, without the extra ones."""
        return [*self.queries(), *self._matches()]

    def queries(self) -> list[Row]:
        """Return the probes."""
        return self.rows_in("probe")

    def gallery(self) -> list[Row]:
        """Return the true matches and the extra images."""
        return self.rows_in("gallery")

    def published(self) -> Mapping[Split, Counts]:
        """Return the counts of the protocol; how many cameras a fold has is not published."""
        tested = self.plan.persons - len(self.trained())
        trained = self.plan.persons if self.trains_all else self.plan.trained
        return {
            "train": Counts(2 * trained, trained, None),
            "query": Counts(tested, tested, None),
            "gallery": Counts(tested + EXTRAS, tested, None, distractors=EXTRAS),
        }

    def wrong_counts(self) -> Iterator[str]:
        """Yield differences from the published counts, cameras over all images included."""
        yield from super().wrong_counts()
        if (cams := len({row.cam for row in (*self.queries(), *self.gallery())})) != 8:
            yield f"{cams} cameras found, 8 published"

    def _refuse_people(self, folder: str, wrong: str, pids: set[int]) -> None:
        if pids:
            people = few(f"{pid:04d}" for pid in pids)
            self.refuse(
                f"{shown(self.home / folder)} {wrong} person {people}; "
                f"it shows 1 to {self.plan.persons}, once each"
            )

    def _matches(self) -> list[Row]:
        return [row for row in self.gallery() if row.pid != DISTRACTOR]


def official_folds(path: Path) -> list[tuple[int, ...]]:
    """Return the training persons of each fold of ``features_and_partitions.mat``.

    Its cell array ``trainIdxAll`` has a structure a fold, whose third field numbers the persons.

    Raises:
        ReidbenchError: naming the file, if it is not ten folds of 125 of the persons 1 to 250.
    """
    plan = PLANS["grid"]
    people = set(range(1, plan.persons + 1))
    try:
        cells = read_variable(path, "trainIdxAll")
        folds = [list(cell[0].values())[2].tolist() for cell in cells]
    except (LookupError, TypeError, AttributeError):  # other kinds of values
        folds = []
    whole = all(len(set(fold)) == len(fold) == plan.trained for fold in folds)
    if len(folds) != SPLIT_COUNT or not whole or not all(set(fold) <= people for fold in folds):
        raise ReidbenchError(
            f"grid: {shown(path)} does not hold {SPLIT_COUNT} folds of {plan.trained} of the "
            f"persons 1 to {plan.persons}; mend it, or move it away to use reidbench's own folds"
        )
    return [tuple(sorted(map(int, fold))) for fold in folds]
