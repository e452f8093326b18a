"""A sweep on several workers: its distinct stages handed over as they become ready."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, Protocol, runtime_checkable

from reidbench.runs import ledger
from reidbench.runs.engines.workers import Ended, Workers
from reidbench.runs.launch import RecordedRun, record
from reidbench.runs.notes import Note, read_note
from reidbench.runs.runner import Session, gather, lacking, tell_no_picture
from reidbench.runs.scheduler import FailedRun, Job, OnFailure
from reidbench.runs.sources import remove_changed
from reidbench.schedule import Frontier, Graph
from reidbench.stages import Preview, Stage
from reidbench.storage.artifacts import Store

PATIENCE = 0.5
"""Seconds between two looks at what has ended, and at what other commands compute."""

Outcomes = dict[int, RecordedRun | FailedRun]


@dataclass(frozen=True)
class Course:
    """Progress of a sweep.

    Attributes:
        runs: number of runs.
        recorded: of those with a result.
        failed: of those without one.
        stages: number of distinct stages that had to be computed.
        computed: of those that are done.
        running: title of the run, or of the first that waits for it, and note of each stage that
            is being computed.
    """

    runs: int
    recorded: int
    failed: int
    stages: int
    computed: int
    running: Sequence[tuple[str, Note]]


@runtime_checkable
class ShowsCourse(Protocol):
    """A reporter that can show a sweep on several workers."""

    def course(self) -> AbstractContextManager[Callable[[Course], None]]:
        """Open the display of a sweep."""


@dataclass(frozen=True)
class SweepGraph:
    """The distinct stages that runs lack.

    Attributes:
        jobs: the runs.
        graph: keys, and what hangs on what.
        stages: by key.
    """

    jobs: Sequence[Job]
    graph: Graph
    stages: dict[str, Stage]


def graph_of(jobs: Sequence[Job], store: Store) -> SweepGraph:
    """Return the distinct stages that runs lack; the store is asked once for each."""
    known: dict[str, bool] = {}
    stages: dict[str, Stage] = {}
    rows = []

    def at_hand(key: str) -> bool:
        if key not in known:
            known[key] = store.find(key) is not None
        return known[key]

    for job in jobs:
        missing = lacking(job.plan, at_hand)
        for stage in missing:
            stages.setdefault(stage.key, stage)
        rows.append([(stage.key, [i.key for i in stage.inputs]) for stage in missing])
    return SweepGraph(jobs, Graph.of(rows), stages)


def run_parallel(
    jobs: Sequence[Job],
    session: Session,
    results: Path,
    workers: Workers,
    on_failure: OnFailure | None = None,
) -> list[RecordedRun | FailedRun]:
    """Run plans on several workers, each distinct stage once, and record each as it is whole.

    Args:
        jobs: what to run; the first are whole first.
        session: of this process, which writes the results.
        results: folder that the result files go to.
        workers: compute the stages; they are closed at the end, however it comes.
        on_failure: told of each failed run; without it the session's reporter is.

    Returns:
        The outcome of each job, in their order.
    """
    told = on_failure or (lambda failed: session.reporter.say(f"failed {failed}"))
    reporter = session.reporter
    shown = reporter.course() if isinstance(reporter, ShowsCourse) else nullcontext(_unshown)
    plans = [job.plan for job in jobs]
    try:
        with _terminable(), ledger.under_way(session.store.root, plans, results), shown as show:
            if session.dev:
                for plan in plans:
                    remove_changed(plan.stages, session.store)
            sweep = _Sweep(graph_of(jobs, session.store), session, results, told)
            if sweep.of.stages:
                session.store.prepare()
            with session.store.using_all():
                sweep.carry_out(workers, show)
    finally:
        workers.close()
    return [sweep.outcomes[number] for number in range(len(jobs))]


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the body as Ctrl-C does, so that no worker outlives it."""

    def end(*_: object) -> NoReturn:
        raise SystemExit(128 + signal.SIGTERM)

    if threading.current_thread() is not threading.main_thread():
        yield  # only there can signals be handled
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _unshown(course: Course) -> None:
    """Show nothing."""


@dataclass
class _Sweep:
    """A sweep under way: what is ready, and what became of the runs."""

    of: SweepGraph
    session: Session
    results: Path
    told: OnFailure
    outcomes: Outcomes = field(default_factory=dict)
    computed: int = 0
    fresh: dict[int, set[str]] = field(default_factory=dict)
    no_pictures: dict[str, str] = field(default_factory=dict)
    looked: float = 0.0

    def __post_init__(self) -> None:
        self.started = datetime.now(UTC)
        self.frontier = Frontier(self.of.graph)

    def carry_out(self, workers: Workers, show: Callable[[Course], None]) -> None:
        for number, row in enumerate(self.of.graph.rows):
            if not row:
                self._record(number)
        while self._hand_over(workers):
            for ended in workers.wait(PATIENCE):
                self._take(ended)
            show(self._course())

    def _hand_over(self, workers: Workers) -> bool:
        """Hand over what is ready, and return whether there is anything to wait for."""
        frontier = self.frontier
        if (now := time.monotonic()) - self.looked >= PATIENCE:
            self.looked = now
            frontier.retry()
        while workers.free and (key := frontier.take()) is not None:
            if self.session.store.busy(key):
                frontier.put_back(key)
            else:
                workers.submit(self.of.stages[key])
        return bool(frontier.running or frontier.elsewhere)

    def _take(self, ended: Ended) -> None:
        key = ended.key
        if ended.busy:
            self.frontier.put_back(key)
        elif ended.error is not None and not isinstance(self.of.stages[key], Preview):
            for number in self.frontier.failed(key):
                self._fail(number, ended.error)
        else:
            self._note(ended)
            for number in self.frontier.done(key):
                self._record(number)

    def _note(self, ended: Ended) -> None:
        """Count a stage that is at hand, or say that a run goes on without its picture."""
        if ended.error is not None:  # no score hangs on it
            self.no_pictures[ended.key] = tell_no_picture(ended.error, self.session)
            return
        self.computed += 1
        if not ended.reused:
            first = self.of.graph.nodes[ended.key].rows[0]
            self.fresh.setdefault(first, set()).add(ended.key)

    def _record(self, number: int) -> None:
        plan, mine = self.of.jobs[number].plan, self.fresh.get(number, set())
        missing = (self.no_pictures.get(stage.key, "") for stage in plan.stages)
        try:
            outcome = gather(plan, self.session, mine, next(filter(None, missing), ""))
            self.outcomes[number] = record(outcome, self.started, self.session, self.results)
        except Exception as error:  # whatever goes wrong with one, the others go on
            self._fail(number, error)
        else:
            self.session.reporter.say(
                f"{self._title(number)}: done, {len(self.outcomes)} of {len(self.of.jobs)} runs"
            )

    def _fail(self, number: int, error: Exception) -> None:
        plan = self.of.jobs[number].plan
        ledger.failed(self.session.store.root, plan, self.results, error)
        failed = self.outcomes[number] = FailedRun(self._title(number), error)
        self.told(failed)

    def _title(self, number: int) -> str:
        job = self.of.jobs[number]
        return f"{job.title} seed {job.plan.seed}"

    def _course(self) -> Course:
        failed = sum(isinstance(o, FailedRun) for o in self.outcomes.values())
        root, nodes = self.session.store.root, self.of.graph.nodes
        notes = ((key, read_note(root, key)) for key in sorted(self.frontier.running))
        return Course(
            len(self.of.jobs),
            len(self.outcomes) - failed,
            failed,
            len(nodes),
            self.computed,
            [(self._title(nodes[key].rows[0]), note) for key, note in notes if note is not None],
        )
