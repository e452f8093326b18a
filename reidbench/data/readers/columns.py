"""Columns of a list of images, by the names that this field's tools give them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from reidbench.errors import ReidbenchError, did_you_mean, shown

REQUIRED = ("path", "pid", "split")
COLUMNS = ("path", "pid", "cam", "split", "mask")
ALIASES: Mapping[str, tuple[str, ...]] = {
    "path": ("filepath", "filename", "file", "imagepath", "imagename", "image", "imgpath", "img"),
    "pid": ("personid", "person", "identity", "label", "id"),
    "cam": ("camid", "cameraid", "camera"),
    "split": ("subset", "set", "partition"),
    "mask": ("maskpath",),
}
"""Other names of each column, without capitals, spaces and underscores."""


def understood(names: Collection[str]) -> dict[str, str]:
    """Return the name that a list gives to each of ``COLUMNS`` that it has.

    A column of the very name is the one that is meant. Else it is the one that has another of its
    names, in any capitals, with or without underscores.

    Raises:
        ReidbenchError: if a column is there twice or missing, or two could be meant.
    """
    found: dict[str, str] = {}
    for column in COLUMNS:
        meant = list(_meant(column, names))
        if len(meant) > 1:
            raise ReidbenchError(_several(column, meant))
        if meant:
            found[column] = meant[0]
        elif problem := _missing(column, names):
            raise ReidbenchError(problem)
    return found


def remarks(found: Mapping[str, str]) -> Iterator[str]:
    """Yield which column is read as which, where the names differ."""
    return (
        f"column '{shown(name)}' is read as {column}"
        for column, name in found.items()
        if name != column
    )


def _meant(column: str, names: Collection[str]) -> Iterator[str]:
    exact = [name for name in names if name == column]
    known = (column, *ALIASES[column])
    return iter(exact or [name for name in names if _plain(name) in known])


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c not in " _-")


def _several(column: str, meant: Collection[str]) -> str:
    if set(meant) == {column}:
        return f"column {column}: it is there twice"
    names = " and ".join(f"'{shown(name)}'" for name in meant)
    return f"column {column}: {names} could be meant; name the one that is '{column}'"


def _missing(column: str, names: Collection[str]) -> str:
    strangers = [name for name in names if name not in COLUMNS]
    if column in REQUIRED:
        return f"column {column}: it is missing{did_you_mean(column, strangers)}"
    if near := get_close_matches(column, strangers, n=1):
        return f"column {near[0]}: it is not read; did you mean '{column}'?"
    return ""
