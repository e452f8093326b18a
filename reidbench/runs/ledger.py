"""The runs that are under way or have failed, as small files beside the store.

A run has a file from the start of the command that wants it until its result is written. A command
holds the lock of a file of its own for as long as it lives: a run whose command's lock is free was
interrupted, however that came about.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reidbench.errors import ReidbenchError
from reidbench.storage.files import write_json
from reidbench.storage.keys import digest
from reidbench.storage.schema import convert, read_json

if TYPE_CHECKING:
    from reidbench.runs.plan import Plan

FOLDER = "runs"


@dataclass(frozen=True)
class Entry:
    """A run that is wanted.

    Attributes:
        run: name and seed, e.g. ``"spgan seed 0"``.
        benchmark: name.
        results: folder that its result goes to.
        stages: keys of its stages, inputs first.
        command: name of the lock of the command that wants it.
        host: machine of that command.
        pid: its process there.
        since: when the command began, or when the run failed, in seconds since 1970.
        failed: why it failed; empty if it did not.
    """

    run: str
    benchmark: str
    results: str
    stages: list[str] = field(default_factory=list)
    command: str = ""
    host: str = ""
    pid: int = 0
    since: float = 0.0
    failed: str = ""


@contextmanager
def under_way(root: Path, plans: Sequence[Plan], results: Path) -> Iterator[None]:
    """Keep a file of each run below ``root`` while the body carries them out.

    A disk that takes no such file stops no run.
    """
    command = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    lock = root / FOLDER / f"{command}.lock"
    with _held(lock):
        for plan in plans:
            _write(_path(root, plan, results), _entry(plan, results, command))
        yield


def finished(root: Path, plan: Plan, results: Path) -> None:
    """Note that the result of a run is written: its file goes."""
    with contextlib.suppress(OSError):
        _path(root, plan, results).unlink()


def failed(root: Path, plan: Plan, results: Path, error: Exception) -> None:
    """Note why a run failed, until it succeeds."""
    reason = str(error) if isinstance(error, ReidbenchError) else f"{type(error).__name__}: {error}"
    entry = _entry(plan, results, "")
    _write(_path(root, plan, results), Entry(**{**asdict(entry), "failed": reason}))


def entries(root: Path) -> Iterator[tuple[Path, Entry]]:
    """Yield the runs that are under way, were interrupted or have failed, with their files."""
    for path in sorted((root / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            yield path, convert(read_json(path), Entry)


def alive(root: Path, entry: Entry) -> bool:
    """Return whether the command that wants a run still lives, on whatever machine."""
    try:
        with (root / FOLDER / f"{entry.command}.lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("w")
    except OSError:
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _entry(plan: Plan, results: Path, command: str) -> Entry:
    return Entry(
        run=f"{plan.recipe.name} seed {plan.seed}",
        benchmark=plan.setting.benchmark.name,
        results=str(results.absolute()),
        stages=[stage.key for stage in plan.stages],
        command=command,
        host=socket.gethostname(),
        pid=os.getpid(),
        since=round(time.time(), 3),
    )


def _path(root: Path, plan: Plan, results: Path) -> Path:
    wanted = [stage.key for stage in plan.ends]
    named = [plan.setting.benchmark.name, plan.recipe.name, wanted]
    return root / FOLDER / f"{digest([*named, str(results.absolute())])}.json"


def _write(path: Path, entry: Entry) -> None:
    with contextlib.suppress(ReidbenchError):
        write_json(path, asdict(entry))
