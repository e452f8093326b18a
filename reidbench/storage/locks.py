"""Locks of files, which end with their process however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reidbench.storage.files import unwritable

_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def locked(path: Path, blocked: Callable[[], None]) -> Iterator[None]:
    """Have a lock alone; where another process has it, call ``blocked()`` and then wait.

    Raises:
        ReidbenchError: if its file cannot be written.
    """
    try:
        descriptor = _opened(path)
    except OSError as error:
        raise unwritable(path, error) from error
    with os.fdopen(descriptor, "rb"):
        _lock(descriptor, fcntl.LOCK_EX, blocked)
        yield


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Have a lock together with others; wait while a process has it alone.

    Where nothing can be written nobody removes anything either: there it does without.

    Raises:
        ReidbenchError: if its file cannot be written for another reason.
    """
    try:
        descriptor = _opened(path)
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise unwritable(path, error) from error
        yield
        return
    with os.fdopen(descriptor, "rb"):
        _lock(descriptor, fcntl.LOCK_SH, lambda: None)
        yield


def is_locked(path: Path, *, alone: bool = False) -> bool:
    """Return True if a process has the lock; if so asked, only if it has it alone."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    with os.fdopen(descriptor, "rb"):
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if alone else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _opened(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDONLY | os.O_CREAT, 0o666)
    except OSError as error:
        if error.errno not in _READ_ONLY or not path.exists():
            raise
        return os.open(path, os.O_RDONLY)


def _lock(descriptor: int, how: int, blocked: Callable[[], None]) -> None:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        blocked()
        fcntl.flock(descriptor, how)
