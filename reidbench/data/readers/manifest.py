"""A dataset listed in a file: anybody's cameras without code."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from reidbench.data.dataset import OLD_NAMES, SPLITS, Split
from reidbench.data.inside import Inside
from reidbench.data.readers.labelled import Labelled, LabelledDataset, tidy, wrong_person
from reidbench.errors import ReidbenchError, UsageError, did_you_mean, shown

REQUIRED = ("path", "pid", "split")
COLUMNS = (*REQUIRED, "cam", "mask")
SPLIT_NAMES: tuple[Split, ...] = (*SPLITS, "multi_query")

Records = Iterator[tuple[int, Mapping[Any, Any] | str]]
"""The number of each line, and what stands there or what is wrong with it."""


class Manifest(LabelledDataset):
    """Images that a CSV or JSON-lines file lists, with person, camera and split of each.

    A CSV file has a header line, a JSON-lines file (.jsonl) one object a line; both are UTF-8.

    path: of a JPEG, PNG, BMP, WebP or TIFF file below root, with / between folders.
    pid: the person, by number or name; -1 is junk, 0 a distractor of the gallery. If all are whole
      numbers ("7.0" is 7) they are kept; otherwise persons are numbered from 1 in the sorted order
      of their names.
    cam (optional): the camera, by number or name; numbered from 0 in that order. All images name
      one or none does; without, only protocols that do not look at cameras can score.
    split: train, query, gallery or multi_query (further images of the queries' persons;
      "boxes" is its old name).
    mask (optional): path of the person mask, 255 on the person; all images have one or none has.

    Other columns are left unread.

    Persons of two manifests are taken for different people. Where they are the same, give both
    the same population, and persons whole numbers.

    Args:
        root: the folder that the paths start from.
        file: the list, by its path below root.
        population: name of the people whom the numbers mean.
    """

    title: ClassVar[str] = "manifest"
    folders: ClassVar[tuple[str, ...]] = (".",)
    example: ClassVar[str] = "images/anything.jpg"
    expected: ClassVar[str] = (
        f"a folder with images and manifest.csv, whose columns are {', '.join(REQUIRED)} "
        "and, if they are known, cam and mask"
    )

    def __init__(self, *, root: str, file: str = "manifest.csv", population: str = "") -> None:
        """Remember where the list is; nothing is read before it is asked for."""
        suffix = PurePosixPath(file).suffix.lower()
        if suffix not in READERS:
            raise UsageError(f"manifest: file is a {' or '.join(READERS)} file, not '{file}'")
        super().__init__(root, population, file=file)
        self._file, self._records = file, READERS[suffix]

    def labelled(self) -> Iterator[Labelled]:
        """Yield the image of each line."""
        path, inside = self.home / self._file, Inside(self.home)
        if problem := inside.problem(self._file):
            raise ReidbenchError(f"manifest: {shown(path)} {problem}; expected {self.expected}")
        lines = _Lines(inside)
        for number, record in self._records(path):
            try:
                image = lines.image(number, record)
            except ReidbenchError as error:
                self.refuse(f"{shown(path)}, line {number}, {error}")
            else:
                yield image


class _Lines:
    """Turns lines into images, and refuses those that do not go with the ones before."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._seen: dict[str, int] = {}
        self._masked: bool | None = None
        self._cameras: bool | None = None

    def image(self, number: int, record: Mapping[Any, Any] | str) -> Labelled:
        if isinstance(record, str):
            raise ReidbenchError(record)
        name, mask = self._path(record, "path"), self._path(record, "mask")
        pid, split = (tidy(_text(record, column)) for column in ("pid", "split"))
        named = "cam" in record
        cam = tidy(_text(record, "cam")) if named else ""
        if problem := wrong_person(pid):
            raise _wrong("pid", problem)
        if named and not cam:
            raise _wrong("cam", "no camera is named")
        split = OLD_NAMES.get(split, split)
        if split not in SPLIT_NAMES:
            raise _wrong(
                "split", f"no split is named '{shown(split)}'{did_you_mean(split, SPLIT_NAMES)}"
            )
        self._refuse_misfit(number, name, bool(mask))
        if self._cameras != named and self._cameras is not None:
            raise _wrong("cam", "all images name a camera, or none does")
        self._cameras = named
        return Labelled(split, name, pid, cam, mask)

    def _path(self, record: Mapping[Any, Any], column: str) -> str:
        text = _text(record, column).strip()
        if not text and column == "mask":
            return ""
        if problem := self._inside.problem(text):
            raise _wrong(column, f"'{shown(text)}' {problem}")
        return PurePosixPath(text).as_posix()

    def _refuse_misfit(self, number: int, name: str, masked: bool) -> None:
        if self._seen.setdefault(name, number) != number:
            raise _wrong("path", f"'{shown(name)}' is also on line {self._seen[name]}")
        if self._masked is None:
            self._masked = masked
        if self._masked != masked:
            have = ("has one", "have none") if masked else ("has none", "have one")
            raise _wrong("mask", f"this image {have[0]}, those before it {have[1]}")


def _csv_records(path: Path) -> Records:
    reader: csv.DictReader[str] | None = None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if problem := _wrong_columns(reader.fieldnames or ()):
                raise ReidbenchError(f"{shown(path)}, line 1, {problem}")
            for values in reader:
                if any(values.values()):  # spreadsheets leave lines of commas
                    yield reader.line_num, _uneven(values) or values
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        where = f"after line {reader.line_num}" if reader else "line 1"
        raise ReidbenchError(f"{shown(path)}, {where}: {_reason(error)}") from error


def _uneven(values: Mapping[Any, Any]) -> str:
    if None in values:
        return "there are more values than columns; put a value that holds a comma in quotes"
    lacking = next((column for column, value in values.items() if value is None), None)
    return f"column {lacking}: there is no value" if lacking else ""


def _json_records(path: Path) -> Records:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _json_record(line)
    except (UnicodeDecodeError, OSError) as error:
        raise ReidbenchError(f"{shown(path)}: {_reason(error)}") from error


def _json_record(line: str) -> Mapping[Any, Any] | str:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"it is not JSON: {error}"
    if not isinstance(record, dict):
        return 'it is not an object such as {"path": "a.jpg", "pid": 1, "cam": 1, "split": "train"}'
    return _wrong_columns(record) or record


READERS: Mapping[str, Callable[[Path], Records]] = {".csv": _csv_records, ".jsonl": _json_records}


def _wrong_columns(names: Collection[str]) -> str:
    """Return why the columns cannot be read; empty if they can."""
    for column in COLUMNS:
        if list(names).count(column) > 1:
            return f"column {column}: it is there twice"
        if column in names:
            continue
        strangers = [name for name in names if name not in COLUMNS]
        if column in REQUIRED:
            return f"column {column}: it is missing{did_you_mean(column, strangers)}"
        if near := get_close_matches(column, strangers, n=1):
            return f"column {near[0]}: it is not read; did you mean '{column}'?"
    return ""


def _text(record: Mapping[Any, Any], column: str) -> str:
    value = record.get(column)
    if value is None and column == "mask":
        return ""
    if isinstance(value, float) and value.is_integer() and column in ("pid", "cam"):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _wrong(column, f"it takes a text or a whole number, not {json.dumps(value)}")
    return str(value)


def _wrong(column: str, problem: str) -> ReidbenchError:
    return ReidbenchError(f"column {column}: {problem}")


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text; save it as UTF-8"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
