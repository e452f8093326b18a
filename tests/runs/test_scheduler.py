from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from reidbench.errors import ReidbenchError
from reidbench.progress import Silent
from reidbench.runs import scheduler
from reidbench.runs.launch import RecordedRun
from reidbench.runs.scheduler import FailedRun, Job, run_all
from reidbench.testing.toy_runs import toy_plan


class Listens(Silent):
    """A reporter that keeps the lines it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def jobs(*seeds: int) -> list[Job]:
    return [Job(toy_plan(seed), "toy-kept") for seed in seeds]


@pytest.fixture
def listening(session):
    return replace(session, reporter=Listens())


def test_each_run_leaves_a_result_in_the_order_of_the_jobs(session, tmp_path):
    done = run_all(jobs(1, 0), session, tmp_path / "results")
    assert [d.result.seed for d in done] == [1, 0]
    assert all(d.path.is_file() for d in done)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ReidbenchError("no data"), "no data"), (KeyError("x"), "unexpected KeyError: 'x'")],
)
def test_a_run_that_fails_is_told_at_once_and_stops_no_other(
    listening, tmp_path, monkeypatch, error, reason
):
    record = scheduler.run_and_record

    def failing(plan, session, results):
        if plan.seed == 0:
            raise error
        assert session.reporter.lines == [f"failed toy-kept seed 0: {reason}"]
        return record(plan, session, results)

    monkeypatch.setattr(scheduler, "run_and_record", failing)
    failed, done = run_all(jobs(0, 1), listening, tmp_path / "results")
    assert failed == FailedRun("toy-kept seed 0", error)
    assert isinstance(done, RecordedRun)


def test_whoever_asks_is_told_of_failures_instead_of_the_reporter(listening, tmp_path, monkeypatch):
    error = ValueError("odd")
    monkeypatch.setattr(scheduler, "run_and_record", lambda *_: (_ for _ in ()).throw(error))
    told: list[FailedRun] = []
    assert run_all(jobs(0), listening, tmp_path, told.append) == told
    assert told[0].to_dict() == {"run": "toy-kept seed 0", "reason": "unexpected ValueError: odd"}
    assert listening.reporter.lines == []


def test_a_run_that_another_process_computes_comes_later(listening, tmp_path):
    first, second = jobs(0, 1)
    busy = next(s for s in first.plan.stages if s.kind == "translator")
    begun, may_end = threading.Event(), threading.Event()

    def compute(folder):
        begun.set()
        may_end.wait()
        raise ReidbenchError("given up")

    def other():
        with pytest.raises(ReidbenchError, match="given up"):
            listening.store.make(busy.key, {"title": "busy"}, compute, lambda: None)

    listening.store.prepare()
    thread = threading.Thread(target=other)
    thread.start()
    begun.wait()
    reporter = listening.reporter
    reporter.say = lambda line: (reporter.lines.append(line), may_end.set())
    done = run_all([first, second], listening, tmp_path / "results")
    thread.join()
    assert [d.result.seed for d in done] == [0, 1]
    assert len(reporter.lines) == 1
    assert reporter.lines[0].startswith("waiting, another process")
