"""CUHK03 as it is downloaded: all images are in one HDF5 file, cuhk-03.mat."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reidbench.data.dataset import SPLITS, Counts, Dataset, Samples, Split
from reidbench.data.fingerprints import files_digest
from reidbench.data.readers.cuhk03 import IMAGES, PERSONS, Cuhk03, Kind, Rules, person
from reidbench.data.readers.cuhk03_files import read_new_division, read_test_sets
from reidbench.data.readers.folders import Row
from reidbench.errors import ReidbenchError, shown
from reidbench.storage.keys import digest

FILE = "cuhk-03.mat"
PLACES = (".", "cuhk03_release", "cuhk03", "CUHK03", "cuhk03/cuhk03_release")
SHOTS = 10  # of a person: five of each camera at most


class Cuhk03Mat(Dataset):
    """CUHK03 from cuhk-03.mat itself, without images that were extracted before.

    Persons, names of images and protocols are those of ``Cuhk03``. The new protocol's division is
    in cuhk03_new_protocol_config_*.mat (Zhong et al., CVPR 2017), which must lie beside it.

    Raises:
        UsageError: for a kind, protocol or split that there is not.
    """

    terms = Cuhk03.terms
    citation = Cuhk03.citation
    homepage = Cuhk03.homepage
    population: ClassVar[str] = "cuhk03"

    def __init__(
        self, *, root: str, kind: Kind = "detected", protocol: Rules = "new", split: int = 0
    ) -> None:
        """Read from ``root``: the folder of cuhk-03.mat, or one that holds it.

        Args:
            root: where the file is.
            kind: boxes "labeled" by hand, or "detected".
            protocol: "new" or "classic".
            split: which of the 20 test sets of the classic protocol; the new one has only 0.
        """
        # It refuses the same values, and knows what is published.
        self._extracted = Cuhk03(root=root, kind=kind, protocol=protocol, split=split)
        self._arguments = {"root": root, "kind": kind, "protocol": protocol, "split": split}
        self._root, self._kind, self._new = Path(root).expanduser(), kind, protocol == "new"
        self._split = split
        self.protocol = self._extracted.protocol

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a worker as the arguments alone."""
        return _reopen, (tuple(self._arguments.items()),)

    @cached_property
    def path(self) -> Path:
        """The file.

        Raises:
            ReidbenchError: if it is not there.
        """
        found = [self._root / place / FILE for place in PLACES]
        for path in found:
            if path.is_file():
                return path
        raise ReidbenchError(
            f"cuhk03-mat: there is no {FILE} in {shown(self._root)}; expected the extracted "
            "cuhk03_release, or the folder that holds it"
        )

    def published(self) -> Mapping[Split, Counts]:
        """Return the counts of the protocol."""
        return self._extracted.published()

    def samples(self, split: Split) -> Samples:
        """Return the images of a split, sorted by name."""
        rows = self._rows(split)
        pids, cams = (np.array([getattr(r, c) for r in rows], np.int64) for c in ("pid", "cam"))
        return Samples([row.name for row in rows], pids, cams)

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one image, ``[h, w, 3]`` RGB."""
        name = self._rows(split)[index].name
        try:
            # The axes of MATLAB's arrays are swapped.
            image = np.asarray(_opened(self.path)[self._images[name]]).transpose(2, 1, 0)
        except Exception as error:  # h5py raises of all kinds on a damaged file
            raise ReidbenchError(f"cannot read {name} in {shown(self.path)}") from error
        if image.dtype != np.uint8 or image.shape[2] != 3:
            raise ReidbenchError(f"{name} in {shown(self.path)} is no image in colours")
        return np.ascontiguousarray(image)

    def fingerprint(self) -> str:
        """Return a digest of the file and of the images of each split."""
        names = [[row.name for row in self._rows(split)] for split in SPLITS]
        return digest([self.version, self._kind, files_digest(self.path.parent, [FILE]), names])

    def check(self) -> list[str]:
        """Return the differences from the published counts, and images that cannot be read."""
        try:
            found = {split: Counts.of(self.samples(split)) for split in SPLITS}
        except ReidbenchError as error:
            return [str(error)]
        problems = [
            f"{split}: {vars(found[split])[what]:,} {what} found, {count:,} published"
            for split, counts in self.published().items()
            for what, count in vars(counts).items()
            if count is not None and vars(found[split])[what] != count
        ]
        if len(self._images) != IMAGES[self._kind]:
            problems.append(
                f"{len(self._images):,} {self._kind} images found, {IMAGES[self._kind]:,} published"
            )
        return problems + [p for s in SPLITS for p in self._unreadable(s)]

    def _unreadable(self, split: Split) -> list[str]:
        problems = []
        for index in range(len(self._rows(split))):
            try:
                self.read(split, index)
            except ReidbenchError as error:
                problems.append(str(error))
        return problems

    @cached_property
    def _by_split(self) -> Mapping[Split, list[Row]]:
        rows = [row for name in sorted(self._images) if (row := _row(name))]
        if self._new:
            config = f"cuhk03_new_protocol_config_{self._kind}.mat"
            places = (self.path.parent, self._root, self.path.parent.parent)
            folder = next((p for p in places if (p / config).is_file()), self.path.parent)
            names = read_new_division(folder / config)
            return {split: [row for row in rows if row.name in names[split]] for split in SPLITS}
        sets = read_test_sets(self.path)
        tested = {person(*numbers) for numbers in sets[self._split]}
        test = [row for row in rows if row.pid in tested]
        train = [row for row in rows if row.pid not in tested]
        return {"train": train, "query": test, "gallery": test}

    def _rows(self, split: Split) -> list[Row]:
        return self._by_split.get(split, [])

    @cached_property
    def _images(self) -> Mapping[str, Any]:
        """References to the images, by the names that extracting them gives.

        Raises:
            ReidbenchError: if h5py is not installed, or the file is another.
        """
        file = _opened(self.path)
        try:
            cells = [np.asarray(file[ref]) for ref in np.ravel(file[self._kind])]
            if [cell.shape for cell in cells] != [(SHOTS, len(c[0])) for c in cells]:
                raise ValueError("a cell has not ten images a person")
            return {
                f"{pair}_{number:03d}_{1 + (shot >= SHOTS // 2)}_{shot + 1:02d}.png": ref
                for pair, cell in enumerate(cells, 1)
                for (shot, place), ref in np.ndenumerate(cell)
                for number in (place + 1,)
                if len(cells) == len(PERSONS) and file[ref].ndim == 3
            }
        except Exception as error:  # h5py raises of all kinds on what has another form
            raise ReidbenchError(
                f"cuhk03-mat: {shown(self.path)} does not hold the {self._kind} images of CUHK03; "
                "it is damaged, or another file"
            ) from error


def _row(name: str) -> Row | None:
    pair, number, camera = int(name[0]), int(name[2:5]), int(name[6])
    pid = person(pair, number)
    return Row(name, pid, camera - 1) if pid else None


@lru_cache(maxsize=2)
def _opened(path: Path) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ReidbenchError(
            f"cuhk03-mat: {FILE} is an HDF5 file, which h5py reads; install it with: "
            "pip install 'reidbench[cuhk03]'"
        ) from error
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise ReidbenchError(f"cuhk03-mat: {shown(path)} is no HDF5 file, or damaged") from error


@lru_cache(maxsize=2)
def _reopen(arguments: tuple[tuple[str, Any], ...]) -> Cuhk03Mat:
    """Return one instance a process, so that a worker reads the file's index once."""
    return Cuhk03Mat(**dict(arguments))
