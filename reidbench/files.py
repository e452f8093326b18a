"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from pathlib import Path

from reidbench.errors import ReidbenchError
from reidbench.keys import JSON


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` by way of a temporary file beside it.

    Raises:
        ReidbenchError: if the disk is full or the folder cannot be written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise unwritable(path, error) from error


def write_json(path: Path, value: JSON) -> None:
    """Write a value as indented JSON, atomically."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def unwritable(path: Path, error: OSError) -> ReidbenchError:
    """Return the error to show when ``path`` could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ReidbenchError(
            f"the disk is full: cannot write {path}; what was finished is kept. "
            "Free space (reidbench cache rm) or choose another disk with --cache"
        )
    return ReidbenchError(f"cannot write {path}: {error.strerror or error}; choose another folder")
