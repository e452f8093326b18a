"""Columns of a result's file: long ones are packed, and come back bit for bit.

A packed column is a table: ``dtype`` and ``length`` of its values, and ``data``, the base64 text of
their bytes compressed by zlib. It needs neither numpy nor torch. A query's missing value is a NaN
there and None here.
"""

from __future__ import annotations

import json
import math
import struct
import sys
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from reidbench.storage.keys import JSON
from reidbench.storage.schema import SchemaError, convert

MOST = 1 << 23
"""Values that the packed columns of a file hold together: a few bytes could unpack to any number.

Five columns of 100,000 queries and the curve of a gallery of a million are a fifth of it.
"""

# How ``struct`` names them; the narrowest whole numbers first.
_Letter = Literal["b", "h", "i", "q", "d"]
_LETTERS: dict[str, _Letter] = {"<i1": "b", "<i2": "h", "<i4": "i", "<i8": "q", "<f8": "d"}

_Change = Callable[..., JSON]
"""Of a column and the names of its place."""


class PackedColumn(Struct, frozen=True, forbid_unknown_fields=True):
    """A packed column as it stands in a file."""

    dtype: Literal["<i1", "<i2", "<i4", "<i8", "<f8"]
    length: Annotated[int, Meta(ge=1, le=MOST, description=f"a whole number from 1 to {MOST}")]
    data: Annotated[bytes, Meta(description="a base64 text")]


_KEYS = frozenset(PackedColumn.__struct_fields__)


def pack(scores: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the table ``scores`` of a result with each column packed that is shorter so.

    A column of other values than whole numbers, or than fractions and None, stays as it is.
    """
    left = MOST

    def packed(values: JSON, *_: str) -> JSON:
        nonlocal left
        if not isinstance(values, list) or len(values) > left or not (dtype := _dtype_of(values)):
            return values
        shorter = _packed(values, dtype)
        if len(json.dumps(shorter)) >= len(json.dumps(values)):
            return values
        left -= len(values)
        return shorter

    return _changed(scores, packed)


def unpack(scores: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the table ``scores`` of a result with each packed column as a list.

    Raises:
        SchemaError: naming the column, if it is damaged, or holds more than ``MOST`` values with
            those before it. What else stands in the place of a column stays as it is.
    """
    left = MOST

    def unpacked(value: JSON, *place: str) -> JSON:
        nonlocal left
        if not isinstance(value, dict) or _KEYS.isdisjoint(value):
            return value
        try:
            column = convert(value, PackedColumn)
            left -= column.length
            if left < 0:
                raise SchemaError(f"it and the columns before it hold more than {MOST} values")
            return _values(column)
        except ValueError as problem:
            name = ".".join(place)
            raise SchemaError(f"the column '{name}' is damaged: {problem}") from problem

    return _changed(scores, unpacked)


def _changed(scores: Mapping[str, JSON], change: _Change) -> dict[str, JSON]:
    """Return scores with ``change`` applied to every column, those of each split included."""
    found = _changed_split(scores, "scores", change)
    if isinstance(splits := found.get("splits"), list):
        found["splits"] = [
            _changed_split(split, f"scores.splits[{number}]", change)
            if isinstance(split, dict)
            else split
            for number, split in enumerate(splits)
        ]
    return found


def _changed_split(scores: Mapping[str, JSON], place: str, change: _Change) -> dict[str, JSON]:
    found = dict(scores)
    if "cmc" in found:
        found["cmc"] = change(found["cmc"], place, "cmc")
    if isinstance(columns := found.get("per_query"), dict):
        found["per_query"] = {
            name: change(column, place, "per_query", name) for name, column in columns.items()
        }
    return found


def _dtype_of(values: list[JSON]) -> str:
    """Return how the values can be packed without a loss; empty if they cannot."""
    kinds = set(map(type, values))
    if kinds == {int}:
        least, largest = min(values), max(values)
        ends = ((size, 1 << 8 * size - 1) for size in (1, 2, 4, 8))
        return next((f"<i{size}" for size, end in ends if -end <= least and largest < end), "")
    fractions = float in kinds and kinds <= {float, type(None)}
    return "<f8" if fractions and all(v is None or math.isfinite(v) for v in values) else ""


def _packed(values: list[JSON], dtype: str) -> dict[str, JSON]:
    told = (math.nan if value is None else value for value in values)
    content = struct.pack(f"<{len(values)}{_LETTERS[dtype]}", *told)
    data = b64encode(zlib.compress(content, 9)).decode()
    return {"dtype": dtype, "length": len(values), "data": data}


def _values(column: PackedColumn) -> list[JSON]:
    """Return the values of a packed column; raises ``ValueError`` if it is damaged."""
    content = _content(column.data, column.length * int(column.dtype[-1]))
    values = _numbers(content, column.length, _LETTERS[column.dtype])
    if column.dtype != "<f8" or math.isfinite(sum(values)):
        return values
    if any(map(math.isinf, values)):
        raise ValueError("it holds an infinity")
    return [None if value != value else value for value in values]


def _numbers(content: bytes, length: int, letter: _Letter) -> list[JSON]:
    if sys.byteorder == "little":  # twice as quick as ``struct``
        values: list[JSON] = memoryview(content).cast(letter).tolist()
        return values
    return list(struct.unpack(f"<{length}{letter}", content))


def _content(data: bytes, size: int) -> bytes:
    """Return the bytes that were packed; raises ``ValueError`` if they are not ``size``."""
    unpacker = zlib.decompressobj()
    try:
        # A byte more than there should be, so that neither end is missed and no bomb goes off.
        content = unpacker.decompress(data, size + 1)
    except zlib.error as problem:
        raise ValueError(f"its data cannot be decompressed ({problem})") from problem
    if len(content) > size:
        raise ValueError(f"its data are longer than the {size} bytes that it tells")
    if not unpacker.eof:
        raise ValueError("its data are cut off")
    if len(content) < size or unpacker.unused_data:
        raise ValueError(f"its data are not the {size} bytes that it tells")
    return content
