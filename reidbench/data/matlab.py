"""The part of MATLAB's files (level 5, save -v7 or older) that datasets' partitions are written in.

``scipy.io.loadmat`` is not hardened: some damaged files end the process instead of raising.
Here every length is checked against the bytes at hand.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reidbench.errors import ReidbenchError, shown

HEADER = 128
LARGEST = 64 << 20  # bytes of a variable, unpacked
MATRIX, COMPRESSED = 14, 15
CELL, STRUCT, TEXT = 1, 2, 4
# How numbers are stored, by code: of integers the shortest that hold them all.
NUMBERS = dict(zip((1, 2, 3, 4, 5, 6, 7, 9, 12, 13), "bBhHiIfdqQ", strict=True))

# How text is stored, by code.
ENCODINGS = {2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16"}


class Element(NamedTuple):
    """A piece of the file: what it is, and its bytes."""

    code: int
    content: bytes


def read_variable(path: Path, name: str) -> Any:
    """Return one variable of a MAT-file.

    Returns:
        Cells as a list, structures as a list of dictionaries in the fields' order, a row of text
        as a string, and numbers as a flat array, all in MATLAB's order (by column).

    Raises:
        ReidbenchError: naming the file, if it cannot be read or lacks the variable.
    """
    try:
        content = path.read_bytes()
        order = {b"IM": "<", b"MI": ">"}[content[HEADER - 2 : HEADER]]
        for matrix in _matrices(content[HEADER:], order):
            if _name(matrix, order) == name:
                return _value(matrix, order)
    except OSError as error:
        raise ReidbenchError(f"cannot read {shown(path)}: {error.strerror}") from error
    except (ValueError, LookupError, struct.error, zlib.error, RecursionError) as error:
        raise ReidbenchError(
            f"{shown(path)} is damaged, or no MAT-file of level 5 (save -v7)"
        ) from error
    raise ReidbenchError(f"{shown(path)} has no variable {name}")


def _elements(content: bytes, order: str) -> Iterator[Element]:
    place = 0
    while place < len(content):
        code, length = struct.unpack_from(f"{order}II", content, place)
        start = place + 8
        place = start + length
        if code >> 16:  # a short one, whose length is in the upper half
            code, length, start, place = code & 0xFFFF, code >> 16, start - 4, start
        elif code != COMPRESSED:  # these alone are not filled up to multiples of eight bytes
            place += -length % 8
        piece = content[start : start + length]
        if len(piece) < length:
            raise ValueError("cut off")
        yield Element(code, piece)


def _matrices(content: bytes, order: str) -> Iterator[bytes]:
    for code, piece in _elements(content, order):
        if code == COMPRESSED:
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(piece, LARGEST)
            if unpacker.eof:  # otherwise it is too large to be a partition
                yield from _matrices(unpacked, order)
        elif code == MATRIX:
            yield piece


def _name(matrix: bytes, order: str) -> str:
    _, _, name = islice(_elements(matrix, order), 3)
    return name.content.decode("ascii", "replace")


def _value(matrix: bytes, order: str) -> Any:
    if not matrix:  # an empty one may be written without its parts
        return np.zeros(0)
    flags, _, _, *parts = _elements(matrix, order)
    kind = struct.unpack_from(f"{order}I", flags.content)[0] & 0xFF
    if kind == CELL:
        return [_value(part.content, order) for part in parts]
    if kind == STRUCT:
        return _structures(parts, order)
    if kind == TEXT:
        encoding = ENCODINGS[parts[0].code]
        suffix = {"<": "-le", ">": "-be"}[order] if encoding == "utf-16" else ""
        return parts[0].content.decode(encoding + suffix)
    return np.frombuffer(parts[0].content, order + NUMBERS[parts[0].code])


def _structures(parts: list[Element], order: str) -> list[dict[str, Any]]:
    length, names, *parts = parts
    width = struct.unpack_from(f"{order}i", length.content)[0]
    starts = range(0, len(names.content), width)
    fields = [names.content[s : s + width].rstrip(b"\0").decode("ascii") for s in starts]
    values = [_value(part.content, order) for part in parts]
    rows = range(0, len(values), len(fields))
    return [dict(zip(fields, values[row : row + len(fields)], strict=True)) for row in rows]
