"""Examine a copy of a dataset that lies in folders, for problems and remarks."""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reidbench.data.dataset import SPLITS, Split
from reidbench.data.image_files import SUFFIXES, decoding_problem
from reidbench.errors import ReidbenchError, shown

if TYPE_CHECKING:
    from reidbench.data.readers.folders import FolderDataset

_SUFFIXES = re.compile(rf"({SUFFIXES})+$")


class Findings(NamedTuple):
    """Findings of an examination, one sentence each.

    Attributes:
        problems: faults of the copy.
        remarks: peculiarities that the published dataset has too.
    """

    problems: list[str]
    remarks: list[str]


class Look(NamedTuple):
    """Result of decoding an image file.

    Attributes:
        problem: why it cannot be decoded; None if it can.
        content: digest of the file if it can be decoded.
    """

    problem: str | None
    content: bytes = b""


def look_at(home: Path, names: Sequence[str]) -> dict[str, Look]:
    """Decode image files below ``home``."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return dict(zip(names, pool.map(_look, (home / name for name in names)), strict=True))


def examine(dataset: FolderDataset, noticed: list[str]) -> Findings:
    """List, count and decode all that a dataset has.

    Args:
        dataset: dataset that appends to ``noticed`` instead of raising errors.
        noticed: empty list, which the dataset fills.
    """
    splits = _splits(dataset, noticed)
    try:
        looks = dataset.looks
    except ReidbenchError:  # as was noticed
        looks = {}
    contents = defaultdict(list)
    broken = [look.problem for look in looks.values() if look.problem]
    for name, look in looks.items():
        if look.problem is None:
            contents[look.content].append(name)
    found = [*noticed, *_spelled_twice(looks), *_leaks(splits, contents), *broken]
    return Findings(list(dict.fromkeys(found)), list(_repeats(splits, contents)))


def _splits(dataset: FolderDataset, noticed: list[str]) -> dict[Split, set[str]]:
    """Return the names of each split's images, and notice what is wrong with splits and counts."""
    splits: dict[Split, set[str]] = {}
    try:
        for split in (*SPLITS, "multi_query") if dataset.has_multi_query else SPLITS:
            splits[split] = {row.name for row in dataset.rows(split)}
        noticed.extend(dataset.wrong_counts())
    except ReidbenchError as error:
        noticed.append(str(error))
    return splits


def _look(path: Path) -> Look:
    problem = decoding_problem(path)
    return Look(problem) if problem else Look(None, hashlib.sha256(path.read_bytes()).digest())


def _spelled_twice(names: Iterable[str]) -> Iterator[str]:
    spellings = defaultdict(list)
    for name in names:
        spellings[_SUFFIXES.sub("", name.lower())].append(name)
    for same in spellings.values():
        if len(same) > 1:
            yield f"{' and '.join(map(shown, same))} name one image"


def _leaks(
    splits: Mapping[Split, set[str]], contents: Mapping[bytes, Sequence[str]]
) -> Iterator[str]:
    trained = splits.get("train", set())
    # An image that is in both was put there on purpose.
    tested = (splits.get("query", set()) | splits.get("gallery", set())) - trained
    for same in contents.values():
        ours, theirs = ([n for n in same if n in half] for half in (trained, tested))
        if ours and theirs:
            yield (
                f"train and test share an image: {', '.join(map(shown, ours))} has the content "
                f"of {', '.join(map(shown, theirs))}"
            )


def _repeats(
    splits: Mapping[Split, set[str]], contents: Mapping[bytes, Sequence[str]]
) -> Iterator[str]:
    for split, names in splits.items():
        groups = (sum(n in names for n in same) for same in contents.values())
        if repeated := sum(max(0, count - 1) for count in groups):
            yield f"{split}: {repeated:,} images have the content of another image of the split"
