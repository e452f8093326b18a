"""Find the folder of a dataset's copy and list its entries."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from reidbench.errors import ReidbenchError, shown


class Place(NamedTuple):
    """A copy of a dataset.

    Attributes:
        home: its own folder.
        parts: the folders that should be there.
        found: the folders that are there.
    """

    home: Path
    parts: tuple[str, ...]
    found: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """The folders that are missing."""
        return [folder for folder in self.parts if folder not in self.found]


def locate(root: Path, places: Sequence[str], layouts: Sequence[tuple[str, ...]]) -> Place | None:
    """Return the first whole copy below ``root``, or else the first of those with most folders.

    Args:
        root: folder to search.
        places: folders below it where a copy may lie.
        layouts: the sets of folders that a copy may consist of.

    Raises:
        OSError: if ``root`` cannot be looked into.
    """
    with os.scandir(root):  # unlike Path.is_dir, it says why not
        copies = [_copy(root / place, parts) for place in places for parts in layouts]
    best = max(copies, key=lambda copy: (not copy.missing, len(copy.found)))
    return best if best.found or not best.parts else None


def _copy(home: Path, parts: tuple[str, ...]) -> Place:
    return Place(home, parts, tuple(folder for folder in parts if (home / folder).is_dir()))


def scan(folder: Path) -> list[os.DirEntry[str]]:
    """Return the entries of a folder, by name.

    Raises:
        ReidbenchError: naming the folder, if it cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise ReidbenchError(f"cannot list {shown(folder)}: {error.strerror}") from error


def stays_inside(path: str | Path, home: Path) -> bool:
    """Return whether a path, with its links resolved, lies below ``home``."""
    # Unlike Path.resolve, realpath takes links that go in circles.
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(home))
