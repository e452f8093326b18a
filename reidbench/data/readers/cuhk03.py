"""CUHK03 by the new and by the classic protocol, from images that were extracted before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, chain
from typing import ClassVar, Literal

from reidbench.data.dataset import SPLITS, Counts, Split
from reidbench.data.readers.cuhk03_files import read_new_division, read_test_sets
from reidbench.data.readers.folders import FolderDataset, Row
from reidbench.data.readers.market1501 import FOLDERS
from reidbench.errors import ReidbenchError, UsageError, shown
from reidbench.storage.keys import JSON, digest

Kind = Literal["labeled", "detected"]
Rules = Literal["new", "classic"]

TEST_SETS = 20
PERSONS = (843, 440, 77, 58, 49)  # of each pair of cameras; pids count through them
FIRST = (0, *accumulate(PERSONS))
IMAGES: dict[str, int] = {"labeled": 14_096, "detected": 14_097}
NEW: dict[str, tuple[int, int, int]] = {
    "labeled": (7_368, 1_400, 5_328),
    "detected": (7_365, 1_400, 5_332),
}

# CUHK03-NP: person_camera_image, where images count through the whole dataset
_NEW_NAME = re.compile(r"(?!0000)(\d{4})_c([12])_\d+\.(png|jpg)", re.IGNORECASE | re.ASCII)
# extracted: pair of cameras_person of that pair_camera_image
_NAME = re.compile(r"([1-5])_(\d{3})_([12])_\d{2}\.png", re.IGNORECASE | re.ASCII)


class Cuhk03(FolderDataset):
    """CUHK03: 1,467 persons, each seen by one of five pairs of cameras (camera 0 and 1 here).

    The new protocol (Zhong et al., CVPR 2017: 767 persons for training, 700 for test, evaluated as
    Market-1501) is read from the folders of CUHK03-NP, or from images_labeled and
    images_detected with cuhk03_new_protocol_config_*.mat beside them. The classic one (Li et al.,
    CVPR 2014: 20 test sets of 100 persons, all others for training, one gallery image a person)
    is read from images_*, and its test sets from cuhk-03.mat.
    """

    terms = "Research only; see the readme of the archive."
    citation = (
        "W. Li, R. Zhao, T. Xiao and X. Wang. DeepReID: Deep Filter Pairing Neural Network for "
        "Person Re-identification. CVPR 2014; for the new protocol also Z. Zhong, L. Zheng, "
        "D. Cao and S. Li. Re-ranking Person Re-identification with k-reciprocal Encoding. "
        "CVPR 2017."
    )
    homepage = "http://www.ee.cuhk.edu.hk/~xgwang/CUHK_identification.html"
    title: ClassVar[str] = "cuhk03"
    places: ClassVar[tuple[str, ...]] = (
        *(".", "cuhk03-np", "CUHK03-NP", "cuhk03", "CUHK03"),
        *("cuhk03_release", "cuhk03/cuhk03_release", "CUHK03/cuhk03_release"),
    )
    folders: ClassVar[tuple[str, ...]] = ()
    example: ClassVar[str] = "0001_c1_1.png (CUHK03-NP) or 1_001_1_01.png (extracted)"
    expected: ClassVar[str] = (
        "CUHK03-NP (with labeled and detected), or images_labeled and images_detected extracted "
        "from cuhk-03.mat, with that file or cuhk03_new_protocol_config_*.mat beside them; "
        "or the folder that holds them; cuhk-03.mat as it is downloaded is dataset cuhk03-mat"
    )

    def __init__(
        self, *, root: str, kind: Kind = "detected", protocol: Rules = "new", split: int = 0
    ) -> None:
        """Read from ``root``: the dataset's folder, or a folder that holds it.

        Args:
            root: where the images are.
            kind: boxes "labeled" by hand, or "detected".
            protocol: "new" or "classic".
            split: which of the 20 test sets of the classic protocol; the new one has only 0.
        """
        if kind not in IMAGES or protocol not in ("new", "classic"):
            raise UsageError(
                "cuhk03: kind is labeled or detected, and protocol new or classic, "
                f"not {kind} and {protocol}"
            )
        if not 0 <= split < (TEST_SETS if protocol == "classic" else 1):
            raise UsageError(f"cuhk03: split is 0 to 19 if classic, 0 if new, not {split}")
        super().__init__(root, kind=kind, protocol=protocol, split=split)
        self._kind, self._new, self._split = kind, protocol == "new", split
        self.protocol = "market1501" if self._new else "single-gallery-shot"

    def layouts(self) -> Sequence[tuple[str, ...]]:
        """Return the folders of CUHK03-NP, which has the new protocol only, and the extracted."""
        ready = tuple(f"{self._kind}/{folder}" for folder in FOLDERS)
        extracted = (f"images_{self._kind}",)
        return (ready, extracted) if self._new else (extracted,)

    def published(self) -> Mapping[Split, Counts]:
        """Return the counts of the protocol; images a test set are not published."""
        if not self._new:
            tested = Counts(None, 100, 2)
            return {"train": Counts(None, 1_367, 2), "query": tested, "gallery": tested}
        counts = zip(NEW[self._kind], (767, 700, 700), strict=True)
        return {s: Counts(n, persons, 2) for s, (n, persons) in zip(SPLITS, counts, strict=True)}

    def identity(self) -> Mapping[str, JSON]:
        """Return the images of each split, by the files that list them."""
        return {split: digest([row.name for row in self.rows(split)]) for split in SPLITS}

    def list_rows(self, split: Split) -> list[Row]:
        """Return the images of a split, sorted by name."""
        if len(self.parts) == len(SPLITS):
            return super().list_rows(split)
        rows = self.rows_in(self.parts[0])
        if not self._new:
            return [row for row in rows if (row.pid in self._tested) == (split != "train")]
        wanted = {f"{self.parts[0]}/{name}" for name in self._division[split]}
        if missing := wanted - {row.name for row in rows}:
            self.refuse(
                f"{len(missing):,} images of {split} are not in {shown(self.home)}, first "
                f"{shown(min(missing))}"
            )
        return [row for row in rows if row.name in wanted]

    def wrong_counts(self) -> Iterator[str]:
        """Yield differences from the published counts, images of all splits included."""
        yield from super().wrong_counts()
        found = len({row.name for split in SPLITS for row in self.rows(split)})
        if not self._new and found != IMAGES[self._kind]:
            yield f"{found:,} {self._kind} images found, {IMAGES[self._kind]:,} published"

    def row(self, folder: str, name: str) -> Row | None:
        """Return person and camera by the name of an image."""
        if folder != f"images_{self._kind}":
            match = _NEW_NAME.fullmatch(name)
            return match and Row(f"{folder}/{name}", int(match[1]), int(match[2]) - 1)
        match = _NAME.fullmatch(name)
        pid = match and person(int(match[1]), int(match[2]))
        return Row(f"{folder}/{name}", pid, int(match[3]) - 1) if match and pid else None

    @cached_property
    def _division(self) -> Mapping[Split, frozenset[str]]:
        """The names of the images of each split, by the new protocol."""
        return read_new_division(self.home / f"cuhk03_new_protocol_config_{self._kind}.mat")

    @cached_property
    def _tested(self) -> frozenset[int]:
        """The test persons of the classic protocol."""
        places = (self.home / folder / "cuhk-03.mat" for folder in ("cuhk03_release", "."))
        path = next((path for path in places if path.is_file()), self.home / "cuhk-03.mat")
        sets = read_test_sets(path)
        pids = [[person(*numbers) for numbers in persons] for persons in sets]
        if len(pids) != TEST_SETS or None in chain(*pids):
            raise ReidbenchError(f"cuhk03: the test sets in {shown(path)} are not those of CUHK03")
        return frozenset(pid for pid in pids[self._split] if pid)


def person(pair: int, number: int) -> int | None:
    """Return the pid of a person of one of the pairs of cameras; None if it has no such person."""
    known = 1 <= pair <= len(PERSONS) and 1 <= number <= PERSONS[pair - 1]
    return FIRST[pair - 1] + number if known else None
