"""State of all runs, from files alone: of this command or another, here or elsewhere."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reidbench.results.result import Result, load_all
from reidbench.runs import ledger
from reidbench.runs.notes import Note, read_note
from reidbench.storage.artifacts import RESUME, Store
from reidbench.storage.keys import JSON
from reidbench.storage.verification import MANIFEST

STATES = ("running", "waiting", "interrupted", "failed", "finished", "stale")


@dataclass(frozen=True)
class RunState:
    """State of one run.

    Attributes:
        run: name and seed.
        benchmark: name.
        state: one of ``STATES``. A run "waits" while its command computes for another; it was
            "interrupted" if that command has ended without it. It is "stale" if its result is
            there, and a component's source has changed since at an equal version.
        stage: title or key of the stage that is computed, or that was interrupted.
        done: steps or images done of that stage; None if it does not tell.
        total: in all; None if it does not tell.
        left: seconds to go in that stage; None if nobody can tell.
        owner: process and machine that computes, e.g. ``"4711 on host"``.
        since: when that began, or the run ended, in seconds since 1970.
        reason: why it failed or is stale.
    """

    run: str
    benchmark: str
    state: str
    stage: str = ""
    done: int | None = None
    total: int | None = None
    left: float | None = None
    owner: str = ""
    since: float | str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Status:
    """States of all runs that a store and a folder of results tell of."""

    runs: tuple[RunState, ...] = field(default=())

    def of(self, state: str) -> list[RunState]:
        """Return the runs in one state."""
        return [run for run in self.runs if run.state == state]

    def to_dict(self) -> dict[str, JSON]:
        """Return everything, ready for JSON."""
        return {"runs": [asdict(run) for run in self.runs]}


def read_status(store: Store, results: Path, stale: Mapping[str, str]) -> Status:
    """Return the state of each run, those under way first.

    Args:
        store: with notes and records of runs beside it.
        results: folder of results.
        stale: reason by key of each artifact that today's source may not give again.
    """
    open_runs = [_under_way(store, entry) for _, entry in ledger.entries(store.root)]
    done = [_finished(result, stale) for result in load_all(results).results]
    order = {state: number for number, state in enumerate(STATES)}
    return Status(tuple(sorted([*open_runs, *done], key=lambda run: order[run.state])))


def forget(store: Store) -> list[str]:
    """Remove the records of runs that failed or were interrupted, and return their names."""
    gone = []
    for path, entry in ledger.entries(store.root):
        if _under_way(store, entry).state in ("failed", "interrupted"):
            path.unlink(missing_ok=True)
            gone.append(entry.run)
    return gone


def checkpoint_step(store: Store, key: str) -> int | None:
    """Return the step of the newest checkpoint of an unfinished stage; None if it has none."""
    folder = store.root / "partial" / key / RESUME
    found = sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns)
    return _noted_step(found[-1]) if found else None


def _under_way(store: Store, entry: ledger.Entry) -> RunState:
    missing = [key for key in entry.stages if not _at_hand(store, key)]
    common: dict[str, Any] = {"run": entry.run, "benchmark": entry.benchmark, "since": entry.since}
    if entry.failed:
        return RunState(**common, state="failed", reason=entry.failed)
    for key in missing:
        if store.busy(key):
            return RunState(**{**common, **_computed(key, read_note(store.root, key))})
    if ledger.alive(store.root, entry):
        return RunState(**common, state="waiting", owner=f"{entry.pid} on {entry.host}")
    return RunState(**common, state="interrupted", **_interrupted(store, missing))


def _computed(key: str, note: Note | None) -> dict[str, Any]:
    if note is None:
        return {"state": "running", "stage": key}
    return {
        "state": "running",
        "stage": note.title,
        "done": note.done,
        "total": note.total or None,
        "left": note.left,
        "owner": f"{note.pid} on {note.host}",
        "since": note.since,
    }


def _interrupted(store: Store, missing: Sequence[str]) -> dict[str, Any]:
    """Return where the run's first unfinished stage stands, if one was begun."""
    for key in missing:
        note, step = read_note(store.root, key), checkpoint_step(store, key)
        if note is not None or step is not None:
            stage, total = (note.title, note.total or None) if note else (key, None)
            return {"stage": stage, "done": step, "total": total}
    return {}


def _finished(result: Result, stale: Mapping[str, str]) -> RunState:
    reasons = list(dict.fromkeys(stale[k] for k in _keys(result) if k in stale))
    return RunState(
        run=f"{result.recipe['name']} seed {result.seed}",
        benchmark=result.benchmark["name"],
        state="stale" if reasons else "finished",
        since=result.execution.get("finished"),
        reason="; ".join(reasons),
    )


def _keys(result: Result) -> Iterator[str]:
    stages: Iterable[Any] = result.execution.get("stages", [])
    return (stage["key"] for stage in stages if isinstance(stage, dict) and "key" in stage)


def _at_hand(store: Store, key: str) -> bool:
    return (store.root / "objects" / key / MANIFEST).is_file()


def _noted_step(path: Path) -> int | None:
    """Return the note of a checkpoint, from its header alone: no weight is read."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, 2**24)))
        step = json.loads(header["__metadata__"]["json"])["note"]
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None
    return step if isinstance(step, int) else None
