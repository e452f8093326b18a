"""The runs of a sweep: one that fails stops no other; one that another process computes waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reidbench.errors import BusyError, ReidbenchError
from reidbench.runs import ledger
from reidbench.runs.launch import RecordedRun, run_and_record
from reidbench.runs.plan import Plan
from reidbench.runs.runner import Session
from reidbench.storage.keys import JSON


@dataclass(frozen=True)
class Job:
    """A plan, and what to call it where it fails."""

    plan: Plan
    title: str


@dataclass(frozen=True)
class FailedRun:
    """A run that failed while others went on.

    Attributes:
        title: which run, e.g. ``"spgan seed 0"``.
        error: what ended it.
    """

    title: str
    error: Exception

    @property
    def reason(self) -> str:
        """The error in one line; one that the software did not foresee is said to be unexpected."""
        if isinstance(self.error, ReidbenchError):
            return str(self.error)
        return f"unexpected {type(self.error).__name__}: {self.error}"

    def __str__(self) -> str:
        """Return which run failed, and why."""
        return f"{self.title}: {self.reason}"

    def to_dict(self) -> dict[str, JSON]:
        """Return it ready for JSON."""
        return {"run": self.title, "reason": self.reason}


OnFailure = Callable[[FailedRun], None]
"""Called as soon as a run has failed."""


def run_all(
    jobs: Sequence[Job], session: Session, results: Path, on_failure: OnFailure | None = None
) -> list[RecordedRun | FailedRun]:
    """Run plans in their order; where another process computes one, the next goes first.

    Args:
        jobs: what to run.
        session: what the runs are computed with.
        results: folder that the result files go to.
        on_failure: told of each failed run; without it the session's reporter is.

    Returns:
        The outcome of each job, in their order.
    """
    told = on_failure or (lambda failed: session.reporter.say(f"failed {failed}"))
    plans = [job.plan for job in jobs]
    with ledger.under_way(session.store.root, plans, results):
        return _one_by_one(jobs, session, results, told)


def _one_by_one(
    jobs: Sequence[Job], session: Session, results: Path, told: OnFailure
) -> list[RecordedRun | FailedRun]:
    impatient = replace(session, patient=False)
    done: dict[int, RecordedRun | FailedRun] = {}
    waiting = list(range(len(jobs)))
    while waiting:
        busy: dict[int, BusyError] = {}
        for number in waiting:
            try:
                done[number] = _attempt(jobs[number], impatient, results, told)
            except BusyError as error:
                busy[number] = error
        if len(busy) == len(waiting):  # there is nothing else to do
            first = busy[waiting[0]]
            session.reporter.say(f"waiting, {first}")
            session.store.wait(first.key)
        waiting = [*busy]
    return [done[number] for number in range(len(jobs))]


def _attempt(
    job: Job, session: Session, results: Path, on_failure: OnFailure
) -> RecordedRun | FailedRun:
    try:
        return run_and_record(job.plan, session, results)
    except BusyError:
        raise
    except Exception as error:  # whatever goes wrong with one, the others go on
        failed = FailedRun(f"{job.title} seed {job.plan.seed}", error)
        on_failure(failed)
        return failed
