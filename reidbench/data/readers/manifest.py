"""A dataset listed in a file: anybody's cameras without code."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, NamedTuple

from reidbench.data.dataset import OLD_NAMES, SPLITS, Split
from reidbench.data.inside import Inside
from reidbench.data.readers.columns import REQUIRED, remarks, understood
from reidbench.data.readers.labelled import Labelled, LabelledDataset, tidy, wrong_person
from reidbench.errors import ReidbenchError, UsageError, did_you_mean, shown

SPLIT_NAMES: tuple[Split, ...] = (*SPLITS, "multi_query")


class Record(NamedTuple):
    """One line of a list.

    Attributes:
        values: by the list's names of the columns.
        columns: the list's name of each column that is read.
    """

    values: Mapping[Any, Any]
    columns: Mapping[str, str]


Records = Iterator[tuple[int, Record | str]]
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

    Columns may have other usual names, such as filename, person_id, camid and subset
    (``columns.ALIASES`` has all). Other columns are left unread.

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
        self._columns: dict[str, str] = {}

    def labelled(self) -> Iterator[Labelled]:
        """Yield the image of each line."""
        path, inside = self.home / self._file, Inside(self.home)
        if problem := inside.problem(self._file):
            raise ReidbenchError(f"manifest: {shown(path)} {problem}; expected {self.expected}")
        lines = _Lines(inside)
        for number, record in self._records(path):
            try:
                if isinstance(record, str):
                    raise ReidbenchError(record)
                self._columns.update(record.columns)
                image = lines.image(number, record)
            except ReidbenchError as error:
                self.refuse(f"{shown(path)}, line {number}, {error}")
            else:
                yield image

    def remarks(self) -> list[str]:
        """Return which columns were read as which, and what the images' files repeat."""
        with suppress(ReidbenchError):
            self.rows("train")  # which reads the list, if that was not done
        return [*remarks(self._columns), *super().remarks()]


class _Lines:
    """Turns lines into images, and refuses those that do not go with the ones before."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._seen: dict[str, int] = {}
        self._masked: bool | None = None
        self._cameras: bool | None = None

    def image(self, number: int, record: Record) -> Labelled:
        name, mask = self._path(record, "path"), self._path(record, "mask")
        pid, split = (tidy(_text(record, column)) for column in ("pid", "split"))
        named = "cam" in record.columns
        cam = tidy(_text(record, "cam")) if named else ""
        if problem := wrong_person(pid):
            raise _wrong(record, "pid", problem)
        if named and not cam:
            raise _wrong(record, "cam", "no camera is named")
        split = OLD_NAMES.get(split, split)
        if split not in SPLIT_NAMES:
            near = did_you_mean(split, SPLIT_NAMES)
            raise _wrong(record, "split", f"no split is named '{shown(split)}'{near}")
        if self._seen.setdefault(name, number) != number:
            problem = f"'{shown(name)}' is also on line {self._seen[name]}"
            raise _wrong(record, "path", problem)
        self._refuse_half_masked(record, bool(mask))
        if self._cameras != named and self._cameras is not None:
            raise _wrong(record, "cam", "all images name a camera, or none does")
        self._cameras = named
        return Labelled(split, name, pid, cam, mask)

    def _path(self, record: Record, column: str) -> str:
        text = _text(record, column).strip()
        if not text and column == "mask":
            return ""
        if problem := self._inside.problem(text):
            raise _wrong(record, column, f"'{shown(text)}' {problem}")
        return PurePosixPath(text).as_posix()

    def _refuse_half_masked(self, record: Record, masked: bool) -> None:
        if self._masked is None:
            self._masked = masked
        if self._masked != masked:
            have = ("has one", "have none") if masked else ("has none", "have one")
            raise _wrong(record, "mask", f"this image {have[0]}, those before it {have[1]}")


def _csv_records(path: Path) -> Records:
    reader: csv.DictReader[str] | None = None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            try:
                columns = understood(reader.fieldnames or ())
            except ReidbenchError as error:
                raise ReidbenchError(f"{shown(path)}, line 1, {error}") from error
            for values in reader:
                if any(values.values()):  # spreadsheets leave lines of commas
                    yield reader.line_num, _uneven(values) or Record(values, columns)
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


def _json_record(line: str) -> Record | str:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"it is not JSON: {error}"
    if not isinstance(record, dict):
        return 'it is not an object such as {"path": "a.jpg", "pid": 1, "cam": 1, "split": "train"}'
    try:
        return Record(record, understood(record))
    except ReidbenchError as error:
        return str(error)


READERS: Mapping[str, Callable[[Path], Records]] = {".csv": _csv_records, ".jsonl": _json_records}


def _text(record: Record, column: str) -> str:
    value = record.values.get(record.columns.get(column))
    if value is None and column == "mask":
        return ""
    if isinstance(value, float) and value.is_integer() and column in ("pid", "cam"):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _wrong(record, column, f"it takes a text or a whole number, not {json.dumps(value)}")
    return str(value)


def _wrong(record: Record, column: str, problem: str) -> ReidbenchError:
    return ReidbenchError(f"column {shown(record.columns.get(column, column))}: {problem}")


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text; save it as UTF-8"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
