"""MAT-files of level 5 (save -v7 or older): datasets' partitions, and features of other programs.

``scipy.io.loadmat`` is not hardened: some damaged files end the process instead of raising.
Here every length is checked against the bytes at hand.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError, shown

HEADER = 128
LARGEST = 64 << 20  # bytes of a partition's variable, unpacked
LARGEST_ARRAY = 1 << 32  # bytes of any variable: lengths have 32 bits
HEAD = 1024  # bytes of a variable that surely hold its name
MATRIX, COMPRESSED = 14, 15
CELL, STRUCT, TEXT = 1, 2, 4
COMPLEX = 0x0800
# How numbers are stored, by code: of integers the shortest that hold them all.
NUMBERS = dict(zip((1, 2, 3, 4, 5, 6, 7, 9, 12, 13), "bBhHiIfdqQ", strict=True))
# What numbers are, by class.
CLASSES = dict(zip(range(6, 16), "dfbBhHiIqQ", strict=True))
# How text is stored, by code.
ENCODINGS = {2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16"}
# What is no array of numbers, by class, and what would do.
OTHERS = {
    CELL: "a cell array; save it as a matrix: cell2mat({0})",
    STRUCT: "a structure; save its fields as variables: save -struct",
    TEXT: "text; save numbers",
    5: "a sparse matrix; save it in full: full({0})",
}


class Element(NamedTuple):
    """A piece of the file: what it is, and its bytes."""

    code: int
    content: bytes


class Variable(NamedTuple):
    """A variable as it lies in the file.

    Attributes:
        content: of its matrix, or of that as it was packed.
    """

    name: str
    content: bytes
    packed: bool


def list_variables(path: Path) -> tuple[str, ...]:
    """Return the names of a MAT-file's variables.

    Raises:
        ReidbenchError: naming the file, if it cannot be read.
    """
    with _reading(path):
        content, order = _content(path)
        return tuple(v.name for v in _variables(content, order) if v.name)


def read_variable(path: Path, name: str) -> Any:
    """Return one variable of a MAT-file.

    Returns:
        Cells as a list, structures as a list of dictionaries in the fields' order, a row of text
        as a string, and numbers as a flat array, all in MATLAB's order (by column).

    Raises:
        ReidbenchError: naming the file, if it cannot be read or lacks the variable.
    """
    with _reading(path):
        content, order = _content(path)
        return _value(_matrix(path, content, order, name, LARGEST), order)


def read_arrays(path: Path, names: Collection[str]) -> dict[str, NDArray[Any]]:
    """Return variables of a MAT-file that are arrays of numbers, in their shapes.

    Raises:
        ReidbenchError: naming the file, if it cannot be read or lacks a variable, or one is
            sparse, complex or of no numbers.
    """
    with _reading(path):
        content, order = _content(path)
        return {
            name: _array(path, name, _matrix(path, content, order, name, LARGEST_ARRAY), order)
            for name in names
        }


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ReidbenchError(f"cannot read {shown(path)}: {error.strerror}") from error
    except (ValueError, LookupError, struct.error, zlib.error, RecursionError) as error:
        raise ReidbenchError(
            f"{shown(path)} is damaged, or no MAT-file of level 5 (save -v7)"
        ) from error


def _content(path: Path) -> tuple[bytes, str]:
    """Return a file's bytes behind the header, and the order of bytes in its numbers."""
    content = path.read_bytes()
    order = {b"IM": "<", b"MI": ">"}[content[HEADER - 2 : HEADER]]
    (version,) = struct.unpack_from(f"{order}H", content, HEADER - 4)
    if version == 0x0200:
        raise ReidbenchError(
            f"{shown(path)} is of MATLAB's format 7.3, which is not read; "
            "save it with -v7, or write a .npz file"
        )
    return content[HEADER:], order


def _matrix(path: Path, content: bytes, order: str, name: str, largest: int) -> bytes:
    """Return the matrix of the variable that is named."""
    found = next((v for v in _variables(content, order) if v.name == name), None)
    if found is None:
        raise ReidbenchError(f"{shown(path)} has no variable {name}")
    if not found.packed:
        return found.content
    unpacker = zlib.decompressobj()
    unpacked = unpacker.decompress(found.content, largest)
    if unpacker.eof:
        return next(piece for code, piece in _elements(unpacked, order) if code == MATRIX)
    if len(unpacked) < largest:
        raise ValueError("cut off")
    raise ReidbenchError(
        f"variable {name} of {shown(path)} is of more than {largest >> 20} MiB, which is not read"
    )


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


def _variables(content: bytes, order: str) -> Iterator[Variable]:
    for code, piece in _elements(content, order):
        if code == COMPRESSED:
            head = zlib.decompressobj().decompress(piece, HEAD)
            if struct.unpack_from(f"{order}I", head)[0] == MATRIX:
                yield Variable(_name(head[8:], order), piece, packed=True)
        elif code == MATRIX:
            yield Variable(_name(piece, order), piece, packed=False)


def _name(matrix: bytes, order: str) -> str:
    _, _, name = islice(_elements(matrix, order), 3)
    return name.content.decode("ascii", "replace")


def _array(path: Path, name: str, matrix: bytes, order: str) -> NDArray[Any]:
    """Return a matrix of numbers in its shape."""
    flags, sizes, _, data, *_ = (*_elements(matrix, order), Element(0, b""))
    bits = struct.unpack_from(f"{order}I", flags.content)[0]
    kind = bits & 0xFF
    if kind not in CLASSES:
        other = OTHERS.get(kind, "no array of numbers; save it as one").format(name)
        raise ReidbenchError(f"variable {name} of {shown(path)} is {other}")
    if bits & COMPLEX:
        raise ReidbenchError(
            f"variable {name} of {shown(path)} has complex numbers; save real ones: real({name})"
        )
    shape = np.frombuffer(sizes.content, f"{order}u4")  # never -1, which reshape would fill in
    numbers = np.frombuffer(data.content, order + NUMBERS[data.code])
    return numbers.astype(CLASSES[kind]).reshape(shape, order="F")


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
