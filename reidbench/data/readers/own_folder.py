"""A dataset in folders of split and person: anybody's cameras without code or list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from reidbench.data.dataset import OLD_NAMES, SPLITS, Split
from reidbench.data.image_files import SUFFIXES
from reidbench.data.readers.labelled import Labelled, LabelledDataset, tidy, wrong_person
from reidbench.errors import shown

_IMAGE = re.compile(rf"([^_]+)_.*{SUFFIXES}", re.IGNORECASE | re.DOTALL)
# The person's number again and then the camera: 0002_c1s1_000451_03 as Market-1501, DukeMTMC-reID,
# CUHK03-NP and VeRi have it, 0000_000_01_0303morning_0008_0 as MSMT17.
_HABITS = (
    re.compile(r"(-?[0-9]+)_c([0-9]+)(?:s[0-9]+)?_.*", re.IGNORECASE | re.DOTALL),
    re.compile(r"([0-9]{4})_[0-9]{3}_([0-9]{2})_[0-9]{4}[a-z]+_.*", re.IGNORECASE | re.DOTALL),
)
# CamStyle's translations to the style of another camera: 0002_c1s1_000451_03_fake_1to2.
_TRANSLATED = re.compile(rf".*_fake_[0-9]+to([0-9]+){SUFFIXES}", re.IGNORECASE | re.DOTALL)

MULTI_QUERY = ("multi_query", *OLD_NAMES)
"""Names of the folder of that split."""


class OwnFolder(LabelledDataset):
    """Images in the folders of their split and person: SPLIT/PERSON/CAMERA_ANYTHING.SUFFIX.

    SPLIT is train, query, gallery or, if there are any, multi_query (further images of the queries'
    persons; "boxes" is its old name). PERSON is a number or name; a folder -1 holds junk, 0
    distractors. If all are whole numbers they are kept; otherwise persons are numbered from 1 in
    the sorted order of their names. CAMERA is a number or name without "_"; cameras are numbered
    from 0 in that order. SUFFIX is jpg, jpeg, png, bmp, webp, tif or tiff.

    Names that begin with the person again are read as their datasets have it: the camera of
    0002/0002_c1s1_000451_03.jpg is 1, that of 0000/0000_000_01_0303morning_0008_0.jpg too. A
    translation of CamStyle, 0002/0002_c1s1_000451_03_fake_1to2.jpg, is of the camera it shows: 2.

    Persons of two folders are taken for different people. Where they are the same, give both the
    same population, and persons whole numbers.

    Args:
        root: the folder that holds train, query and gallery.
        population: name of the people whom the numbers mean.
    """

    title: ClassVar[str] = "folder"
    folders: ClassVar[tuple[str, ...]] = SPLITS
    nested: ClassVar[bool] = True
    example: ClassVar[str] = "train/0001/2_anything.jpg"
    expected: ClassVar[str] = (
        "a folder with train, query and gallery, which hold a folder a person, "
        "which holds images named by camera, such as train/0001/2_anything.jpg"
    )

    def __init__(self, *, root: str, population: str = "") -> None:
        """Remember where the folder is; nothing is read before it is asked for."""
        super().__init__(root, population)

    def labelled(self) -> Iterator[Labelled]:
        """Yield every image that is found."""
        folders: dict[Split, str] = {split: split for split in SPLITS}
        if more := self._multi_query():
            folders["multi_query"] = more
        for split, folder in folders.items():
            for name in self.image_names(folder):
                if image := self._labelled(split, folder, name):
                    yield image

    def _multi_query(self) -> str:
        """Return the folder of the split multi_query; empty if there is none."""
        found = [name for name in MULTI_QUERY if (self.home / name).is_dir()]
        if found[1:]:
            self.refuse(
                f"{shown(self.home)} holds {' and '.join(found)}; merge them into {found[0]}"
            )
        return found[0] if found else ""

    def _labelled(self, split: Split, folder: str, name: str) -> Labelled | None:
        person, _, file = name.partition("/")
        pid = tidy(person)
        if problem := wrong_person(pid):
            self.refuse(f"{shown(self.home / folder / person)}: {problem}")
        elif not (cam := camera_of(pid, file)):
            path = shown(self.home / folder / name)
            self.refuse(f"cannot tell the camera from {path}; expected a name like {self.example}")
        else:
            return Labelled(split, f"{folder}/{name}", pid, cam)
        return None


def camera_of(person: str, file: str) -> str:
    """Return the camera that an image's name tells; empty if it tells none."""
    match = _IMAGE.fullmatch(file)
    if match is None:
        return ""
    for habit in _HABITS:
        known = habit.fullmatch(file)
        if known and person.lstrip("-").isdigit() and int(known[1]) == int(person):
            translated = _TRANSLATED.fullmatch(file)
            return str(int((translated or known)[1 if translated else 2]))
    return tidy(match[1])
