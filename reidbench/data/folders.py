"""What datasets that lie in folders of image files share: finding, listing, decoding, checking."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from reidbench.data.dataset import Dataset, Samples, Split
from reidbench.data.fingerprints import files_digest
from reidbench.errors import ReidbenchError
from reidbench.keys import JSON, digest

FORMATS = ("JPEG", "PNG")  # no others: some decoders start programs
CLUTTER = frozenset({"thumbs.db", "desktop.ini"})  # left by desktops; hidden files are too


class Row(NamedTuple):
    """One image: its name below the dataset's folder, its person and its camera."""

    name: str
    pid: int
    cam: int


class FolderDataset(Dataset):
    """A dataset read in its native layout.

    Attributes:
        title: the name used in messages.
        places: where the dataset may lie below ``root``; "." is ``root`` itself.
        folders: the folders of images it must have.
        expected: what ``root`` should be, for messages.
    """

    title: ClassVar[str]
    places: ClassVar[tuple[str, ...]]
    folders: ClassVar[tuple[str, ...]]
    expected: ClassVar[str]

    def __init__(self, root: str, **arguments: JSON) -> None:
        """Remember where to look; nothing is read before it is asked for."""
        self._arguments: dict[str, JSON] = {"root": root, **arguments}
        self._root = Path(root).expanduser()
        self._home: Path | None = None
        self._rows: dict[Split, list[Row]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a worker as the arguments alone; the worker lists the folders once."""
        return _reopen, (type(self), tuple(self._arguments.items()))

    @property
    def home(self) -> Path:
        """The dataset's own folder.

        Raises:
            ReidbenchError: if it is not there, or not whole.
        """
        if self._home is None:
            self._home = self._locate()
        return self._home

    @abstractmethod
    def list_rows(self, split: Split) -> list[Row]:
        """Return the images of a split in a fixed order."""

    @abstractmethod
    def wrong_counts(self) -> Iterator[str]:
        """Yield how this copy differs from the published counts."""

    def identity(self) -> Mapping[str, JSON]:
        """Return what decides the splits beside the files."""
        return {}

    def rows(self, split: Split) -> list[Row]:
        """Return the images of a split, listed on the first call."""
        if split not in self._rows:
            self._rows[split] = self.list_rows(split)
        return self._rows[split]

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
        files = files_digest(self.home, self._all_names())
        return digest([self.title, self.version, dict(self.identity()), files])

    def check(self) -> list[str]:
        """Return differences from the published counts and every image that cannot be decoded."""
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            problems = pool.map(lambda name: _problem(self.home / name), self._all_names())
            return [*self.wrong_counts(), *(p for p in problems if p)]

    def image_names(self, folder: str) -> list[str]:
        """Return the sorted file names in one of the dataset's folders.

        Raises:
            ReidbenchError: if it is empty, holds a folder, or a link leads out of the dataset.
        """
        entries = [e for e in _scan(self.home / folder) if not _is_clutter(e.name)]
        for entry in entries:
            self._refuse_strays(entry)
        if not entries:
            raise ReidbenchError(
                f"{self.title}: {self.home / folder} holds no images; expected {self.expected}"
            )
        return sorted(entry.name for entry in entries)

    def _all_names(self) -> list[str]:
        return [f"{folder}/{name}" for folder in self.folders for name in self.image_names(folder)]

    def _refuse_strays(self, entry: os.DirEntry[str]) -> None:
        if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(
            self.home.resolve()
        ):
            raise ReidbenchError(f"{self.title}: {entry.path} is a link that leaves {self.home}")
        if not entry.is_file():
            raise ReidbenchError(f"{self.title}: {entry.path} is not a file; expected images only")

    def _locate(self) -> Path:
        if not self._root.is_dir():
            raise ReidbenchError(f"{self.title}: no folder {self._root}; expected {self.expected}")
        for home in (self._root / place for place in self.places):
            found = [folder for folder in self.folders if (home / folder).is_dir()]
            if len(found) == len(self.folders):
                return home
            if found:
                raise self._incomplete(home, found)
        wanted = ", ".join(self.folders)
        raise ReidbenchError(
            f"{self.title}: {self._root} has none of {wanted}; expected {self.expected}"
        )

    def _incomplete(self, home: Path, found: Sequence[str]) -> ReidbenchError:
        missing = next(folder for folder in self.folders if folder not in found)
        return ReidbenchError(
            f"{self.title}: {home / missing} is missing (found {', '.join(found)}); "
            f"expected {self.expected}"
        )


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Decode a JPEG or PNG file to ``[h, w, 3]`` RGB.

    Raises:
        ReidbenchError: naming the file, if it is missing, empty, truncated or no image.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            return np.array(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ReidbenchError(f"cannot decode {path}: {_reason(path, error)}") from error


def _reason(path: Path, error: Exception) -> str:
    if not path.is_file():
        return "there is no such file"
    if path.stat().st_size == 0:
        return "the file is empty (0 bytes)"
    if isinstance(error, UnidentifiedImageError):
        return "it is neither a JPEG nor a PNG image"
    return str(error)


def _problem(path: Path) -> str | None:
    try:
        read_rgb(path)
    except ReidbenchError as error:
        return str(error)
    return None


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name.lower() in CLUTTER


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise ReidbenchError(f"cannot list {folder}: {error.strerror}") from error


@lru_cache(maxsize=8)
def _reopen(kind: type[FolderDataset], arguments: tuple[tuple[str, JSON], ...]) -> FolderDataset:
    """Return one instance a process, so that a worker lists the folders for its first task only."""
    return kind(**dict(arguments))
