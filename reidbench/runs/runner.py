"""Carries a plan out: asks the store for each stage, and keeps what was finished."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pluggy

from reidbench.engine.hardware import Hardware
from reidbench.errors import BusyError, ReidbenchError
from reidbench.progress import Reporter
from reidbench.registry.faults import blaming
from reidbench.registry.loading import notify
from reidbench.registry.registry import Entry
from reidbench.runs.computing import computed
from reidbench.runs.notes import noted
from reidbench.runs.plan import Plan
from reidbench.runs.sources import (
    NOTED,
    changed_since,
    entries_of,
    forget_begun,
    note_begun,
    remove_changed,
    sources_behind,
)
from reidbench.stages import Preview, Stage, Work
from reidbench.storage.artifacts import Artifact, Store
from reidbench.storage.keys import JSON


@dataclass(frozen=True)
class Session:
    """Store, hardware, reporter and hooks that runs share.

    Attributes:
        hooks: told of every finished stage.
        checkpoint_every: seconds between checkpoints of a training.
        patient: wait for a stage that another process is computing, or raise ``BusyError``.
        dev: compute again what another source of a component made.
        profile: folder that profiles of trainings go to, below the key of each; None for none.
    """

    store: Store
    hardware: Hardware
    reporter: Reporter
    hooks: pluggy.HookRelay
    checkpoint_every: float = 60.0
    patient: bool = True
    dev: bool = False
    profile: Path | None = None


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
    """A plan that was carried out; stages that nothing needed any more are left out.

    Attributes:
        picture_missing: why the examples of the translation could not be drawn; empty if they
            could, or nothing was translated.
        stale: the components of which another source made some of what was reused.
    """

    plan: Plan
    finished: Mapping[str, Finished]
    picture_missing: str = ""
    stale: tuple[Entry, ...] = ()

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
    if session.dev:
        session.store.prepare()
        remove_changed(plan.stages, session.store)
    missing = {s.key for s in needed(plan, session.store)}
    if missing:
        session.store.prepare()  # a finished one on a read-only disk serves
    finished, no_picture = {}, ""
    with session.store.using(stage.key for stage in plan.stages):
        for stage in plan.stages:
            try:
                done = (compute_stage if stage.key in missing else _find)(stage, session)
            except Exception as error:
                if isinstance(error, BusyError) or not isinstance(stage, Preview):
                    raise
                no_picture = tell_no_picture(error, session)  # no score hangs on it
            else:
                if done is not None:
                    finished[stage.key] = _told(done, session)
    return Outcome(plan, finished, no_picture, _stale(finished.values(), session))


def _stale(finished: Iterable[Finished], session: Session) -> tuple[Entry, ...]:
    """Return the components that have changed since what was reused was made, and tell them."""
    entries = entries_of(f.stage for f in finished)
    made = [entry for f in finished for entry in changed_since(f.artifact, entries)]
    for entry, stages in Counter(made).items():
        session.reporter.say(
            f"stale? another source of {entry.kind} '{entry.name}' at the same version made "
            f"{stages} of this run's stages: raise the version, or compute them again with --dev"
        )
    return tuple(dict.fromkeys(made))


def tell_no_picture(error: Exception, session: Session) -> str:
    """Say that a run goes on without its picture, and return why there is none."""
    reason = str(error) if isinstance(error, ReidbenchError) else f"{type(error).__name__}: {error}"
    session.reporter.say(f"warning: no picture of the translation: {reason}")
    return reason


def gather(plan: Plan, session: Session, fresh: Collection[str], no_picture: str = "") -> Outcome:
    """Return the outcome of a plan whose stages others have computed.

    Args:
        plan: what was carried out.
        session: where the artifacts lie.
        fresh: keys of those that were computed for this run.
        no_picture: why the examples of the translation could not be drawn; empty if they could.

    Raises:
        ReidbenchError: if one of the plan's ends has gone since.
    """
    finished = {}
    for stage in plan.stages:
        if (found := session.store.find(stage.key)) is not None:
            done = Finished(stage, found, reused=stage.key not in fresh)
            finished[stage.key] = _told(done, session)
    wanted = [end for end in plan.ends if not (no_picture and isinstance(end, Preview))]
    if gone := [end.title for end in wanted if end.key not in finished]:
        raise ReidbenchError(f"'{gone[0]}' has gone from {session.store.root}; run again")
    return Outcome(plan, finished, no_picture, _stale(finished.values(), session))


def ensure_stage(stage: Stage, session: Session) -> Finished:
    """Compute a stage that is no run's, and what the store lacks of its inputs.

    Raises:
        ReidbenchError: as ``run_plan`` does.
    """
    if session.dev:
        session.store.prepare()
        remove_changed([stage, *stage.inputs], session.store)
    if (found := _find(stage, session)) is not None:
        return found
    session.store.prepare()
    for needed_first in stage.inputs:
        ensure_stage(needed_first, session)
    return _told(compute_stage(stage, session), session)


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
                every, say = session.checkpoint_every, session.reporter.say
                traces = session.profile / stage.key if session.profile else None
                work = Work(folder, folders, session.hardware, told, every, say, traces)
                return _facts(stage, work, held.values(), afresh=session.dev)

        def blocked() -> None:
            if not session.patient:
                raise BusyError(stage.key, stage.title)
            session.reporter.say(f"{stage.title}: waiting for another process that is computing it")

        inputs = stage.inputs
        with blaming(), redirect_stdout(sys.stderr):  # what a component prints is no JSON
            artifact, reused = session.store.make(stage.key, _manifest(stage), compute, blocked)
    return Finished(stage, artifact, reused)


def _facts(
    stage: Stage, work: Work, inputs: Iterable[Artifact], *, afresh: bool
) -> dict[str, JSON]:
    """Compute a stage, and return what it tells, its device and the sources behind it."""
    sources = sources_behind(stage, inputs)
    made_by = {NOTED: note_begun(work.folder, sources, afresh=afresh)} if sources else {}
    try:
        return {**made_by, **computed(stage, work)}
    except BaseException:
        forget_begun(work.folder)
        raise


def _find(stage: Stage, session: Session) -> Finished | None:
    artifact = session.store.find(stage.key)
    return Finished(stage, artifact, reused=True) if artifact else None


def _told(done: Finished, session: Session) -> Finished:
    """Tell the listeners of a finished stage, and return it."""
    notify(session.hooks.reidbench_stage_finished, artifact=done.artifact, reused=done.reused)
    return done


def _manifest(stage: Stage) -> dict[str, Any]:
    return {"title": stage.title, **stage.facts}
