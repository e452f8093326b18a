"""Carries a plan out: asks the store for each stage, and keeps what was finished."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pluggy

from reidbench.engine.hardware import Hardware
from reidbench.errors import BusyError, ReidbenchError
from reidbench.progress import Reporter
from reidbench.registry.loading import notify
from reidbench.runs.notes import noted
from reidbench.runs.plan import Plan
from reidbench.runs.sources import SOURCES, sources_of
from reidbench.stages import Stage, Work
from reidbench.storage.artifacts import Artifact, Store
from reidbench.storage.keys import JSON


@dataclass(frozen=True)
class Session:
    """Store, hardware, reporter and hooks that runs share.

    Attributes:
        hooks: told of every finished stage.
        checkpoint_every: seconds between checkpoints of a training.
        patient: wait for a stage that another process is computing, or raise ``BusyError``.
    """

    store: Store
    hardware: Hardware
    reporter: Reporter
    hooks: pluggy.HookRelay
    checkpoint_every: float = 60.0
    patient: bool = True


@dataclass(frozen=True)
class Finished:
    """A stage whose artifact is in the store.

    Attributes:
        reused: whether it was there before this run.
    """

    stage: Stage
    artifact: Artifact
    reused: bool


@dataclass(frozen=True)
class Outcome:
    """A plan that was carried out; stages that nothing needed any more are left out."""

    plan: Plan
    finished: Mapping[str, Finished]

    def artifact(self, stage: Stage) -> Artifact:
        """Return the artifact of one of the plan's stages."""
        return self.finished[stage.key].artifact


def needed(plan: Plan, store: Store) -> list[Stage]:
    """Return the stages that have to be computed: those not in the store that something needs."""
    return lacking(plan, lambda key: store.find(key) is not None)


def lacking(plan: Plan, at_hand: Callable[[str], bool]) -> list[Stage]:
    """Return the stages that have to be computed, inputs first, by what is at hand."""
    missing: dict[str, Stage] = {}
    waiting = plan.ends
    while waiting:
        stage = waiting.pop()
        if stage.key not in missing and not at_hand(stage.key):
            missing[stage.key] = stage
            waiting += stage.inputs
    return [s for s in plan.stages if s.key in missing]


def run_plan(plan: Plan, session: Session) -> Outcome:
    """Compute what the store lacks of a plan.

    Whatever ends it early, the next call takes it up where the last checkpoint left it.

    Raises:
        ReidbenchError: if a stage fails; the finished ones stay in the store.
        BusyError: if another process is computing a stage, and the session is not patient.
    """
    session.store.prepare()
    missing = {s.key for s in needed(plan, session.store)}
    finished = {}
    for stage in plan.stages:
        done = (
            compute_stage(stage, session) if stage.key in missing else _find(stage, session.store)
        )
        if done is not None:
            finished[stage.key] = done
            hook = session.hooks.reidbench_stage_finished
            notify(hook, artifact=done.artifact, reused=done.reused)
    return Outcome(plan, finished)


def gather(plan: Plan, session: Session, fresh: Collection[str]) -> Outcome:
    """Return the outcome of a plan whose stages others have computed.

    Args:
        plan: what was carried out.
        session: where the artifacts lie.
        fresh: keys of those that were computed for this run.

    Raises:
        ReidbenchError: if one of the plan's ends has gone since.
    """
    finished = {}
    for stage in plan.stages:
        if (found := session.store.find(stage.key)) is not None:
            done = Finished(stage, found, reused=stage.key not in fresh)
            finished[stage.key] = done
            notify(session.hooks.reidbench_stage_finished, artifact=found, reused=done.reused)
    if gone := [end.title for end in plan.ends if end.key not in finished]:
        raise ReidbenchError(f"'{gone[0]}' has gone from {session.store.root}; run again")
    return Outcome(plan, finished)


def ensure_stage(stage: Stage, session: Session) -> Finished:
    """Compute a stage that is no run's, and what the store lacks of its inputs.

    Raises:
        ReidbenchError: as ``run_plan`` does.
    """
    session.store.prepare()
    if (found := _find(stage, session.store)) is not None:
        return found
    for needed_first in stage.inputs:
        ensure_stage(needed_first, session)
    done = compute_stage(stage, session)
    notify(session.hooks.reidbench_stage_finished, artifact=done.artifact, reused=done.reused)
    return done


def compute_stage(stage: Stage, session: Session) -> Finished:
    """Compute a stage whose inputs are in the store, unless it is there itself."""
    with session.reporter.stage(stage.title) as progress:

        def compute(folder: Path) -> dict[str, JSON]:
            with ExitStack() as reading:
                told = reading.enter_context(
                    noted(session.store.root, stage.key, stage.title, progress)
                )
                held = {i.key: reading.enter_context(session.store.held(i.key)) for i in inputs}
                folders = {key: artifact.path for key, artifact in held.items()}
                work = Work(folder, folders, session.hardware, told, session.checkpoint_every)
                return {"device": session.hardware.description, **stage.compute(work)}

        def blocked() -> None:
            if not session.patient:
                raise BusyError(stage.key, stage.title)
            session.reporter.say(f"{stage.title}: waiting for another process that is computing it")

        inputs = stage.inputs
        artifact, reused = session.store.make(stage.key, _manifest(stage), compute, blocked)
    return Finished(stage, artifact, reused)


def _find(stage: Stage, store: Store) -> Finished | None:
    artifact = store.find(stage.key)
    return Finished(stage, artifact, reused=True) if artifact else None


def _manifest(stage: Stage) -> dict[str, Any]:
    return {"title": stage.title, **stage.facts, SOURCES: sources_of(stage)}
