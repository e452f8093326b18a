"""The runs of a sweep: one that fails stops no other; one that others are at comes later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from reidbench.cli import launch, show
from reidbench.cli.launch import RecordedRun
from reidbench.errors import BusyError, ReidbenchError
from reidbench.runs.plan import Plan
from reidbench.runs.runner import Session

Job = tuple[Plan, str]
"""A plan, and what to call it."""


def run_and_record_all(
    jobs: Sequence[Job], session: Session, results: Path, failures: list[str]
) -> list[RecordedRun | None]:
    """Carry plans out, in their order unless another process is computing one: the next goes first.

    Returns:
        What came of each, in their order; None of those that failed, which are told and added to
        ``failures``.
    """
    impatient = replace(session, patient=False)
    done: dict[int, RecordedRun | None] = {}
    waiting = list(range(len(jobs)))
    while waiting:
        busy: dict[int, BusyError] = {}
        for number in waiting:
            try:
                done[number] = _attempt(jobs[number], impatient, results, failures)
            except BusyError as error:
                busy[number] = error
        if len(busy) == len(waiting):  # there is nothing else to do
            first = busy[waiting[0]]
            session.reporter.say(f"waiting, {first}")
            session.store.wait(first.key)
        waiting = [*busy]
    return [done[number] for number in range(len(jobs))]


def _attempt(job: Job, session: Session, results: Path, failures: list[str]) -> RecordedRun | None:
    plan, title = job
    try:
        return launch.run_and_record(plan, session, results)
    except BusyError:
        raise
    except Exception as error:  # whatever goes wrong with one, the others go on
        failures.append(f"{title} seed {plan.seed}: {_reason(error)}")
        show.failure(failures[-1])
        return None


def _reason(error: Exception) -> str:
    """Return why a run failed; with ``--debug``, its traceback goes to standard error."""
    if click.get_current_context().find_root().params["debug"]:
        import traceback

        traceback.print_exc()
    if isinstance(error, ReidbenchError):
        return str(error)
    return f"unexpected {type(error).__name__}: {error} (--debug shows where)"


def refuse_failures(failures: Sequence[str], runs: int) -> None:
    """Raise ``ReidbenchError`` if there are failures among so many runs."""
    if failures:
        listed = "\n".join(failures)
        raise ReidbenchError(f"{len(failures)} of {runs} runs failed:\n{listed}")
