"""Base of datasets of anybody's cameras: persons and cameras may be named by any text."""

from __future__ import annotations

import os
import re
import unicodedata
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reidbench.data.dataset import DISTRACTOR, JUNK, SPLITS, UNKNOWN, Split, name_in_keys
from reidbench.data.image_files import read_grey
from reidbench.data.readers.folders import FolderDataset, Row
from reidbench.errors import ReidbenchError, shown
from reidbench.storage.keys import JSON, digest

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_WHOLE_FLOAT = re.compile(r"(-?[0-9]{1,18})\.0*")  # as tools write whole numbers of floating point
_MISSING = frozenset({"nan", "none", "null", "na", "<na>"})
FEWEST = 3
"""Persons from which it is no chance that each has a camera for itself."""
_SPECIAL = (JUNK, DISTRACTOR)


class Labelled(NamedTuple):
    """An image as its owner labelled it.

    Attributes:
        name: its path below the dataset's folder.
        cam: its camera; empty if it is not known.
        mask: path of its person mask; empty if it has none.
    """

    split: Split
    name: str
    pid: str
    cam: str
    mask: str = ""


class LabelledDataset(FolderDataset):
    """Images whose persons and cameras are named by any text; see ``number_persons``."""

    terms: ClassVar[str] = "As their owner says."
    places: ClassVar[tuple[str, ...]] = (".",)

    def __init__(self, root: str, population: str, **arguments: JSON) -> None:
        """Remember where to look; nothing is read before it is asked for."""
        super().__init__(root, population=population, **arguments)
        self._population = population

    @abstractmethod
    def labelled(self) -> Iterator[Labelled]:
        """Yield every image as its owner labelled it; refuse those that are labelled wrongly."""

    @property
    def population(self) -> str:
        """Name that the owner gave; without one, a population of its own."""
        return self._population or f"{self.title}:{self.fingerprint()}"

    @property
    def has_masks(self) -> bool:
        """True if the images have masks: all of them, or none."""
        return bool(self._masks)

    @property
    def has_multi_query(self) -> bool:
        """True if there are further images of the queries' persons."""
        return bool(self.rows("multi_query"))

    def list_rows(self, split: Split) -> list[Row]:
        """Return the images of a split, sorted by name.

        Raises:
            ReidbenchError: for the first thing that is wrong with any image of the dataset, or if
                a population is named and the persons have names instead of numbers.
        """
        persons, cameras = self._numbers
        images = [image for image in self._images if image.split == split]
        if split == "multi_query":
            wanted = {(image.pid, image.cam) for image in self._images if image.split == "query"}
            images = [image for image in images if (image.pid, image.cam) in wanted]
        elif not images:
            self.refuse(f"there are no {split} images; expected {self.expected}")
        return sorted(Row(i.name, persons[i.pid], cameras[i.cam]) for i in images)

    def rows_in(self, folder: str) -> list[Row]:
        """Return all images whose path begins with a folder; "." has them all."""
        rows = (row for split in (*SPLITS, "multi_query") for row in self.rows(split))
        return [row for row in rows if folder == "." or row.name.startswith(f"{folder}/")]

    def row(self, folder: str, name: str) -> Row | None:
        """Return person and camera of an image."""
        return next((r for r in self.rows_in(folder) if r.name in (name, f"{folder}/{name}")), None)

    def read_mask(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return the person mask of an image, ``[h, w]`` in 0..255."""
        return read_grey(self.home / self._masks[self.rows(split)[index].name])

    def file_names(self) -> list[str]:
        """Return the name of every image of the splits, and of their masks."""
        names = {row.name for split in SPLITS for row in self.rows(split)}
        return sorted(names | {self._masks[name] for name in names if name in self._masks})

    def identity(self) -> Mapping[str, JSON]:
        """Return a digest of the labels."""
        return {"labels": self._labels(*SPLITS)}

    def multi_query_fingerprint(self) -> str:
        """Return a digest of labels and files of the split multi_query."""
        names = [row.name for row in self.rows("multi_query")]
        return digest([self._digest(names), self._labels("multi_query")])

    def wrong_counts(self) -> Iterator[str]:
        """Yield the numbers of persons in both training and test, and masks of a wrong size."""
        train, *test = ({row.pid for row in self.rows(split)} for split in SPLITS)
        for split, persons in zip(SPLITS[1:], test, strict=True):
            if both := train & persons - set(_SPECIAL):
                yield f"{split}: {len(both):,} of the persons are also in train"
        yield from self._misfits()

    def _misfits(self) -> list[str]:
        """Return the masks that are no images, or not of their image's size."""
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            problems = pool.map(lambda pair: self._misfit(*pair), self._masks.items())
            return list(filter(None, problems))

    def _misfit(self, name: str, mask: str) -> str:
        try:
            shape = read_grey(self.home / mask).shape
        except ReidbenchError as error:
            return str(error)
        with suppress(ReidbenchError):  # the image itself is looked at with all others
            if shape != read_grey(self.home / name).shape:
                return f"{shown(self.home / mask)} has not the size of its image {shown(name)}"
        return ""

    @cached_property
    def _images(self) -> list[Labelled]:
        found = []
        for image in self.labelled():
            if _is_text(image.name):
                found.append(image)
            else:
                self.refuse(f"the name of {shown(image.name)} is not UTF-8; rename it")
        return found

    @cached_property
    def _masks(self) -> dict[str, str]:
        return {image.name: image.mask for image in self._images if image.mask}

    @cached_property
    def _numbers(self) -> tuple[dict[str, int], dict[str, int]]:
        """Numbers of persons and cameras, whoever else the split multi_query shows."""
        images = [image for image in self._images if image.split != "multi_query"]
        persons = number_persons({image.pid for image in images})
        self._refuse_implausible(images)
        if self._population and not all(map(_whole, persons)):
            self.refuse(
                f"persons of the named population '{shown(self._population)}' need whole numbers, "
                "so that they mean the same person wherever it is named"
            )
        cameras = number_cameras({image.cam for image in images if image.cam})
        return persons, {**cameras, "": UNKNOWN}

    def _refuse_implausible(self, images: list[Labelled]) -> None:
        """Refuse labels of which one was surely read from the other."""
        pairs = {(i.pid, i.cam) for i in images if not (_whole(i.pid) and int(i.pid) in _SPECIAL)}
        persons, cameras = {pid for pid, _ in pairs}, {cam for _, cam in pairs}
        if len(pairs) == len(persons) == len(cameras) >= FEWEST:
            example = images[0]
            self.refuse(
                f"each of the {len(persons)} persons has a camera for itself: in "
                f"'{shown(example.name)}' person '{shown(example.pid)}' and camera "
                f"'{shown(example.cam)}' were understood; expected {self.expected}"
            )
        if problem := next(filter(None, (wrong_nobody(i.split, i.pid) for i in images)), ""):
            self.refuse(problem)

    def _labels(self, *splits: Split) -> str:
        images = [(name_in_keys(split), row) for split in splits for row in self.rows(split)]
        return digest([[s, *row, self._masks.get(row.name, "")] for s, row in images])


def tidy(label: str) -> str:
    """Return a label without the spaces around it, and composed as Unicode has it.

    A whole number is its value: "-1.0" is "-1".
    """
    text = unicodedata.normalize("NFC", label.strip())
    match = _WHOLE_FLOAT.fullmatch(text)
    return match[1] if match else text


def wrong_person(pid: str) -> str:
    """Return why a text names no person; empty if it names one."""
    if not pid or pid.lower() in _MISSING:
        return "no person is named"
    if _whole(pid) and int(pid) < JUNK:
        return f"persons have numbers from 1 or names; -1 is junk, 0 a distractor, not {pid}"
    return ""


def wrong_nobody(split: Split, pid: str) -> str:
    """Return why a person's label is wrong in its split; empty if it is not.

    Nobody is trained on or looked for, and tools that count persons from 0 mean somebody.
    """
    if split == "gallery" or split == "multi_query" or not _whole(pid) or int(pid) != DISTRACTOR:
        return ""
    return (
        f"{split} has person {pid}, which means distractors of the gallery; "
        "number persons from 1, or name them all by text, such as p0"
    )


def number_persons(names: Collection[str]) -> dict[str, int]:
    """Return the number of each person.

    If all names are whole numbers, they are kept ("0007" is 7). If not, persons are numbered
    from 1 in the sorted order of their names, but -1 stays junk and 0 a distractor.
    """
    if all(map(_whole, names)):
        return {name: int(name) for name in names}
    special = {name: int(name) for name in names if _whole(name) and int(name) in _SPECIAL}
    others = sorted(name for name in names if name not in special)
    return special | {name: number for number, name in enumerate(others, 1)}


def number_cameras(names: Collection[str]) -> dict[str, int]:
    """Return the number of each camera, from 0, in the order of their numbers or else names."""
    if all(map(_whole, names)):
        places = {number: place for place, number in enumerate(sorted(set(map(int, names))))}
        return {name: places[int(name)] for name in names}
    return {name: place for place, name in enumerate(sorted(names))}


def _is_text(name: str) -> bool:
    """Return whether a file's name can be written as UTF-8, which Linux does not ask of it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _whole(name: str) -> bool:
    return _WHOLE.fullmatch(name) is not None
