"""Base of datasets that lie in folders of image files: finding, listing and decoding."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reidbench.data.dataset import SPLITS, Counts, Dataset, Samples, Split
from reidbench.data.fingerprints import files_digest
from reidbench.data.image_files import is_clutter, read_rgb
from reidbench.data.places import Place, locate, scan, stays_inside
from reidbench.data.readers.inspection import Findings, Look, examine, look_at
from reidbench.errors import ReidbenchError, shown
from reidbench.storage.keys import JSON, digest


class Row(NamedTuple):
    """One image: its name below the dataset's folder, its person and its camera."""

    name: str
    pid: int
    cam: int


class FolderDataset(Dataset):
    """A dataset read in its native layout.

    Attributes:
        title: the name used in messages.
        places: folders where the dataset may lie below ``root``; "." is ``root`` itself.
        folders: the folders of images it must have; "." is the dataset's own. If ``list_rows``
            says nothing else they are those of train, query and gallery.
        nested: True if each of them holds one folder a person.
        multi_query: folder of the split multi_query, which a copy may lack; empty if none.
        example: a name that an image may have, for messages.
        expected: description of ``root``, for messages.
    """

    title: ClassVar[str]
    places: ClassVar[tuple[str, ...]]
    folders: ClassVar[tuple[str, ...]]
    nested: ClassVar[bool] = False
    multi_query: ClassVar[str] = ""
    example: ClassVar[str]
    expected: ClassVar[str]

    def __init__(self, root: str, **arguments: JSON) -> None:
        """Remember where to look; nothing is read before it is asked for."""
        self._arguments: dict[str, JSON] = {"root": root, **arguments}
        self._root = Path(root).expanduser()
        self._place: Place | None = None
        self._rows: dict[Split, list[Row]] = {}
        self._listed: dict[str, list[Row]] = {}
        self._noticed: list[str] | None = None
        self._findings: Findings | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a worker as the arguments alone; the worker lists the folders once."""
        return _reopen, (type(self), tuple(self._arguments.items()))

    @property
    def home(self) -> Path:
        """The dataset's own folder.

        Raises:
            ReidbenchError: if it is not there, or not whole.
        """
        return self._located().home

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders of images in this copy: one of ``layouts``."""
        return self._located().parts

    @property
    def has_multi_query(self) -> bool:
        """True if this copy has the folder of the split multi_query."""
        return bool(self.multi_query) and (self.home / self.multi_query).is_dir()

    @property
    def population(self) -> str:
        """The dataset's name: other parameters are other views of the same persons."""
        return self.title

    @abstractmethod
    def row(self, folder: str, name: str) -> Row | None:
        """Return person and camera by an image's name in a folder; None if it has another form."""

    def layouts(self) -> Sequence[tuple[str, ...]]:
        """Return the sets of folders that a copy may consist of, the preferred one first."""
        return (self.folders,)

    def list_rows(self, split: Split) -> list[Row]:
        """Return the images of a split in a fixed order."""
        return self.rows_in(self.parts[SPLITS.index(split)])

    def wrong_counts(self) -> Iterator[str]:
        """Yield differences from the published counts, and persons in both halves."""
        for split, published in self.published().items():
            found = vars(Counts.of(self.samples(split)))
            for what, count in vars(published).items():
                if count is not None and found[what] != count:
                    yield f"{split}: {found[what]:,} {what} found, {count:,} published"
        trained = self.rows("train")
        # An image that is in both was put there on purpose; another one of its person was not.
        tested = {row.pid for row in set(self.rows("query")) - set(trained)}
        if both := tested & {row.pid for row in trained}:
            yield f"query: {len(both):,} of the persons are also in train"

    def identity(self) -> Mapping[str, JSON]:
        """Return the values beside the files that decide the splits."""
        return {}

    def file_names(self) -> list[str]:
        """Return the name of every file that decides samples or pixels, multi_query apart."""
        return [row.name for folder in self.parts for row in self.rows_in(folder)]

    def rows(self, split: Split) -> list[Row]:
        """Return the images of a split, listed on the first call."""
        if split not in self._rows:
            self._rows[split] = self.list_rows(split)
        return self._rows[split]

    def rows_in(self, folder: str) -> list[Row]:
        """Return all images of a folder, sorted by name and listed on the first call.

        Raises:
            ReidbenchError: naming the first file whose name has another form.
        """
        if folder not in self._listed:
            rows = (self._row(folder, name) for name in self.image_names(folder))
            self._listed[folder] = [row for row in rows if row is not None]
        return self._listed[folder]

    def samples(self, split: Split) -> Samples:
        """Return the images of a split."""
        rows = self.rows(split)
        return Samples(
            tuple(row.name for row in rows),
            np.array([row.pid for row in rows], dtype=np.int64),
            np.array([row.cam for row in rows], dtype=np.int64),
        )

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one image, ``[h, w, 3]`` RGB."""
        return read_rgb(self.home / self.rows(split)[index].name)

    def fingerprint(self) -> str:
        """Return a digest of the files and of what decides the splits, not of where they lie."""
        return self._digest(self.file_names())

    def multi_query_fingerprint(self) -> str:
        """Return the same for the split multi_query."""
        return self._digest([row.name for row in self.rows("multi_query")])

    def check(self) -> list[str]:
        """Return all that is wrong with the copy: folders, names, links, counts and images."""
        return self._examined().problems

    def remarks(self) -> list[str]:
        """Return the numbers of images that repeat others of their split, by the last ``check``."""
        return (self._findings or self._examined()).remarks

    def refuse(self, problem: str) -> None:
        """Stop because of what is wrong with the copy; while it is checked, note it and go on.

        Raises:
            ReidbenchError: with the dataset's name and ``problem``.
        """
        message = f"{self.title}: {problem}"
        if self._noticed is None:
            raise ReidbenchError(message)
        self._noticed.append(message)

    def is_image(self, folder: str, name: str) -> bool:
        """Return whether what lies in a folder belongs to the dataset, rather than beside it."""
        return not is_clutter(name)

    def image_names(self, folder: str) -> list[str]:
        """Return the sorted names of the image files in one of the dataset's folders.

        Raises:
            ReidbenchError: if there are none, something else is among them, or a link leads out
                of the dataset.
        """
        if folder in self._located().missing:
            return []  # which was refused when the copy was located
        path, names = self.home / folder, []
        if not stays_inside(path, self.home):
            self.refuse(f"{shown(path)} is a link that leaves {shown(self.home)}")
        elif not (names := sorted(self._image_names(folder, self.nested))):
            self.refuse(f"{shown(path)} holds no images; expected {self.expected}")
        return names

    @cached_property
    def looks(self) -> dict[str, Look]:
        """Result of decoding each image, by name."""
        more = self.rows("multi_query") if self.has_multi_query else []
        return look_at(self.home, sorted({*self.file_names(), *(row.name for row in more)}))

    def _examined(self) -> Findings:
        lenient = type(self)(**self._arguments)
        lenient._noticed = []
        self._findings = examine(lenient, lenient._noticed)
        return self._findings

    def _image_names(self, folder: str, nested: bool) -> Iterator[str]:
        for entry in scan(self.home / folder):
            if not self.is_image(folder, entry.name):
                continue
            if problem := self._stray(entry, nested):
                self.refuse(f"{shown(entry.path)} {problem}")
            elif nested:
                inner = self._image_names(f"{folder}/{entry.name}", False)
                yield from (f"{entry.name}/{name}" for name in inner)
            else:
                yield entry.name

    def _digest(self, names: Sequence[str]) -> str:
        files = files_digest(self.home, names)
        return digest([self.title, self.version, dict(self.identity()), files])

    def _row(self, folder: str, name: str) -> Row | None:
        row = self.row(folder, name)
        if row is None:
            path = shown(self.home / folder / name)
            self.refuse(
                f"cannot tell person and camera from {path}; expected a name like {self.example}"
            )
        return row

    def _stray(self, entry: os.DirEntry[str], person: bool) -> str:
        """Return why an entry is no image, or no person's folder; empty if it is."""
        # An entry knows what it is, but raises an error for links that go in circles.
        what = Path(entry.path) if entry.is_symlink() else entry
        if what is not entry and not stays_inside(entry.path, self.home):
            return f"is a link that leaves {shown(self.home)}"
        if person and not what.is_dir():
            return "is not a folder; expected one for each person"
        if not person and not what.is_file():
            return "is not a file; expected images only"
        return ""

    def _located(self) -> Place:
        if self._place is None:
            self._place = self._locate()
        return self._place

    def _locate(self) -> Place:
        root = shown(self._root)
        try:
            place = locate(self._root, self.places, self.layouts())
        except OSError as error:
            raise ReidbenchError(
                f"{self.title}: no folder {root}; expected {self.expected} ({error.strerror})"
            ) from error
        if place is None:
            wanted = ", ".join(chain(*self.layouts()))
            raise ReidbenchError(
                f"{self.title}: {root} has none of {wanted}; expected {self.expected}"
            )
        if place.missing:
            missing = [shown(place.home / folder) for folder in place.missing]
            self.refuse(
                f"{' and '.join(missing)} {'are' if missing[1:] else 'is'} missing "
                f"(found {', '.join(place.found)}); expected {self.expected}"
            )
        return place


@lru_cache(maxsize=8)
def _reopen(kind: type[FolderDataset], arguments: tuple[tuple[str, JSON], ...]) -> FolderDataset:
    """Return one instance a process, so that a worker lists the folders for its first task only."""
    return kind(**dict(arguments))
