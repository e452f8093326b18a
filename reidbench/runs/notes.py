"""Notes beside the store of the stages that are being computed: by whom, since when, how far.

A note is for people who look on. Nothing is decided by it: whether a stage is computed now its lock
says, and what a training has kept its checkpoints say.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from reidbench.progress import Progress
from reidbench.storage.keys import JSON
from reidbench.storage.schema import convert, read_json

FOLDER = "running"
EVERY = 1.0  # seconds between two notes of one stage


@dataclass(frozen=True)
class Note:
    """Progress of a stage.

    Attributes:
        key: content key of the stage.
        title: of the stage, for a person to read.
        host: machine that computes it.
        pid: process there.
        since: when it began, in seconds since 1970.
        at: when this was noted.
        done: steps or images done; 0 before the first.
        total: steps or images in all; 0 where the stage does not tell.
        first: steps that were done when it began: those of an earlier, interrupted process.
        values: losses and the like.
    """

    key: str
    title: str
    host: str
    pid: int
    since: float
    at: float
    done: int = 0
    total: int = 0
    first: int = 0
    values: dict[str, float] | None = None

    @property
    def rate(self) -> float | None:
        """Steps or images a second since it began; None before anything was done."""
        made, seconds = self.done - self.first, self.at - self.since
        return made / seconds if made > 0 and seconds > 0 else None

    @property
    def left(self) -> float | None:
        """Seconds to go at that rate; None where nobody can tell."""
        return (self.total - self.done) / self.rate if self.rate and self.total else None


@contextmanager
def noted(
    root: Path, key: str, title: str, progress: Progress, clock: Callable[[], float] = time.time
) -> Iterator[Progress]:
    """Keep a note of a stage below ``root`` while the body computes it, and pass progress on.

    The note goes with the body. Of a process that is killed it stays, and the next one takes its
    place. A disk that takes no note stops nothing.
    """
    path, began = _path(root, key), clock()
    note = Note(key, title, socket.gethostname(), os.getpid(), began, began)
    first: int | None = None
    last = began

    def told(done: int, total: int, log: Mapping[str, float]) -> None:
        nonlocal first, last
        progress(done, total, log)
        now = clock()
        if first is None or done < first:  # a stage may have several phases
            first = done - 1 if done else 0
        elif now - last < EVERY:
            return
        last = now
        own = {"at": now, "done": done, "total": total, "first": first}
        _write(path, {**asdict(note), **own, "values": _finite(log)})

    _write(path, asdict(note))
    try:
        yield told
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def read_note(root: Path, key: str) -> Note | None:
    """Return the note of a stage; None if there is none or it cannot be read."""
    return _read(_path(root, key))


def read_notes(root: Path) -> list[Note]:
    """Return all notes below ``root``, those of killed processes among them, by key."""
    found = (_read(path) for path in sorted((root / FOLDER).glob("*.json")))
    return [note for note in found if note is not None]


def _path(root: Path, key: str) -> Path:
    return root / FOLDER / f"{key.replace('/', '-')}.json"


def _read(path: Path) -> Note | None:
    try:
        return convert(read_json(path), Note)
    except (OSError, ValueError, RecursionError):
        return None


def _write(path: Path, value: JSON) -> None:
    # Whole or not at all, but not at any price: no disk is asked to sync a note.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.stem}-{os.getpid()}")
        draft.write_text(json.dumps(value, allow_nan=False))
        draft.replace(path)


def _finite(log: Mapping[str, float]) -> dict[str, float]:
    values = {name: float(value) for name, value in log.items()}
    return {name: value for name, value in values.items() if abs(value) < float("inf")}
