"""Files of ranked lists: CSV, JSON lines and, where pyarrow is installed, Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation.ranked import MARKS, RankedList
from reidbench.storage.files import replacing

COLUMNS = (
    "query",
    "query_pid",
    "query_cam",
    "rank",
    "gallery",
    "gallery_pid",
    "gallery_cam",
    "distance",
    "mark",
)
"""A line of a file; images are numbered from 0 in the order of their files, junk has no rank."""
_LISTS_A_GROUP = 256  # of Parquet

Line = tuple[int, int, int, int | None, int, int, int, float, str]


def write_lists(lists: Iterable[RankedList], path: Path) -> None:
    """Write ranked lists, atomically and one query at a time; the ending says in which format.

    Raises:
        UsageError: for another ending.
        ReidbenchError: if the file cannot be written, or pyarrow is missing.
    """
    write = writer_of(path)
    with replacing(path) as file:
        write(iter(lists), file)


def writer_of(path: Path) -> Callable[[Iterator[RankedList], IO[bytes]], None]:
    """Return the function that writes the format of a path's ending.

    Raises:
        UsageError: for an unknown ending.
    """
    writers = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
    if path.suffix.lower() not in writers:
        raise UsageError(f"ranked lists end in {', '.join(writers)}, not '{path.name}'")
    return writers[path.suffix.lower()]


def lines_of(ranked: RankedList) -> list[Line]:
    """Return the lines of one query, under ``COLUMNS``."""
    columns = (
        [rank or None for rank in ranked.ranks.tolist()],
        ranked.images.tolist(),
        ranked.pids.tolist(),
        ranked.cams.tolist(),
        ranked.distances.tolist(),
        [MARKS[mark] for mark in ranked.marks.tolist()],
    )
    return [(ranked.query, ranked.pid, ranked.cam, *rest) for rest in zip(*columns, strict=True)]


def _csv(lists: Iterator[RankedList], file: IO[bytes]) -> None:
    text = io.TextIOWrapper(file, "utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for ranked in lists:
        writer.writerows(lines_of(ranked))
    text.detach()


def _jsonl(lists: Iterator[RankedList], file: IO[bytes]) -> None:
    for ranked in lists:
        for line in lines_of(ranked):
            file.write(json.dumps(dict(zip(COLUMNS, line, strict=True))).encode() + b"\n")


def _parquet(lists: Iterator[RankedList], file: IO[bytes]) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise ReidbenchError(
            "Parquet needs pyarrow, which is not installed (pip install pyarrow); "
            "or end the file in .csv or .jsonl"
        ) from error
    kinds = [pa.int64()] * 7 + [pa.float32(), pa.string()]
    schema: Any = pa.schema(list(zip(COLUMNS, kinds, strict=True)))
    with parquet.ParquetWriter(file, schema) as writer:
        while group := list(islice(lists, _LISTS_A_GROUP)):
            columns = zip(*(line for ranked in group for line in lines_of(ranked)), strict=True)
            arrays = [pa.array(c, kind) for c, kind in zip(columns, kinds, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
