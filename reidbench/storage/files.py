"""Write files so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.storage.keys import JSON

Mapped = np.memmap[tuple[int, ...], np.dtype[Any]]
UINT8: np.dtype[Any] = np.dtype(np.uint8)


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, atomically.

    Raises:
        ReidbenchError: if the disk is full or the folder cannot be written.
    """
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside ``path`` that takes its place once all is written.

    A link stays, and what it leads to is replaced.

    Raises:
        ReidbenchError: if the disk is full, the folder cannot be written, or ``path`` is a device
            or a pipe.
    """
    temporary = None
    with writing(path):
        try:
            path = _place(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            # Not NamedTemporaryFile: Python drops a Ctrl-C that falls into its finaliser.
            temporary = path.parent / f".{secrets.token_hex(8)}"
            handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)


def _place(path: Path) -> Path:
    """Return the path that is to be replaced; refuse what is there and is no file."""
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    if place.exists() and not place.is_file():
        kind = "a folder" if place.is_dir() else "a device or a pipe"
        raise ReidbenchError(f"cannot write {path}: it is {kind}; name a file")
    return place


def write_json(path: Path, value: JSON) -> None:
    """Write a value as indented JSON, atomically."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array as ``.npy``; not atomic.

    Raises:
        ReidbenchError: if the disk is full or the folder cannot be written. (numpy's own ``save``
            does not say which.)
    """
    array = np.ascontiguousarray(array)
    with writing(path), path.open("wb") as file:
        npy.write_array_header_1_0(file, npy.header_data_from_array_1_0(array))
        file.write(array.data)


def mapped_array(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any] = UINT8) -> Mapped:
    """Return a new ``.npy`` file, mapped for writing.

    Raises:
        OSError: if the disk cannot hold it; a sparse file would kill whoever writes to the map.
    """
    array: Mapped = npy.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    array.flush()
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def synced(path: Path) -> None:
    """Have a file or folder on the disk before anything else is done, where the disk can."""
    with contextlib.suppress(OSError):  # not every file system can sync a folder
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def names_of_two(folder: Path) -> list[str]:
    """Return ``first/second`` of all that lies in the folders in a folder, in order.

    pathlib takes ten times as long, and a store may hold a million.
    """
    return [f"{first}/{name}" for first in _names(folder) for name in _names(folder / first)]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the operating system's errors in writing ``path`` into a ``ReidbenchError``."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


def cannot_hold_more(error: OSError) -> bool:
    """Return whether an error tells of a full or read-only disk, whichever file it came from."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def unwritable(path: Path, error: OSError) -> ReidbenchError:
    """Return the error to show when ``path`` could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ReidbenchError(
            f"the disk is full: cannot write {path}; what was finished is kept. Free space on "
            "it, with reidbench cache rm if the cache is there, or choose another disk (--cache, "
            "--results)"
        )
    return ReidbenchError(f"cannot write {path}: {error.strerror or error}; choose another folder")
