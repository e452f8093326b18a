"""A dataset in folders of split and person: anybody's cameras without code or list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from reidbench.data.dataset import OLD_NAMES, SPLITS, Split
from reidbench.data.readers.labelled import Labelled, LabelledDataset, tidy, wrong_person
from reidbench.errors import shown

_IMAGE = re.compile(r"([^_]+)_.*\.(jpe?g|png|bmp)", re.IGNORECASE | re.DOTALL)

MULTI_QUERY = ("multi_query", *OLD_NAMES)
"""Names of the folder of that split."""


class OwnFolder(LabelledDataset):
    """Images in the folders of their split and person: SPLIT/PERSON/CAMERA_ANYTHING.SUFFIX.

    SPLIT is train, query, gallery or, if there are any, multi_query (further images of the queries'
    persons; "boxes" is its old name). PERSON is a number or name; a folder -1 holds junk, 0
    distractors. If all are whole numbers they are kept; otherwise persons are numbered from 1 in
    the sorted order of their names. CAMERA is a number or name without "_"; cameras are numbered
    from 0 in that order. SUFFIX is jpg, jpeg, png or bmp.

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
        pid, match = tidy(person), _IMAGE.fullmatch(file)
        if problem := wrong_person(pid):
            self.refuse(f"{shown(self.home / folder / person)}: {problem}")
        elif match is None or not (cam := tidy(match[1])):
            path = shown(self.home / folder / name)
            self.refuse(f"cannot tell the camera from {path}; expected a name like {self.example}")
        else:
            return Labelled(split, f"{folder}/{name}", pid, cam)
        return None
