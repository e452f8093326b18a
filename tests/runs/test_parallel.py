from __future__ import annotations

import fcntl
import os
import signal
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reidbench.config.compose import Request
from reidbench.errors import BusyError, ReidbenchError, UsageError
from reidbench.nn.weights import data_root_of_weights, look_for_weights_in
from reidbench.progress import Silent
from reidbench.registry.registry import Registration
from reidbench.runs import parallel
from reidbench.runs.engines import choice, local
from reidbench.runs.engines.choice import check_engine
from reidbench.runs.engines.local import LocalWorkers, threads_of
from reidbench.runs.engines.workers import Ended, compute, worker_session
from reidbench.runs.launch import RecordedRun
from reidbench.runs.lifelines import portable
from reidbench.runs.options import EngineOptions, ExecutionOptions, with_devices
from reidbench.runs.parallel import graph_of, run_parallel
from reidbench.runs.scheduler import FailedRun, Job, run_all
from reidbench.stages import FitTranslator
from reidbench.storage.artifacts import Store
from reidbench.testing.toy_runs import make_plan, make_session, toy_benchmark, toy_registry
from tests.runs.dying import MARK


def registry_():
    registry = toy_registry()
    more = Registration("dying")
    more.translator("dying", "tests.runs.dying:DyingTranslator")
    more.translator("failing", "tests.runs.dying:FailingTranslator")
    registry.add(more)
    return registry


def job(translator: str, seed: int, learner: str = "toy") -> Job:
    request = Request(translator=translator, learner=learner)
    return Job(make_plan(registry_(), toy_benchmark(), seed, request), translator)


class Here:
    """Workers that are this process; they compute when they are waited for."""

    def __init__(self, session, many: int = 2) -> None:
        self.session, self.many = replace(session, patient=False), many
        self.queue, self.order, self.closed = [], [], False

    @property
    def free(self) -> bool:
        return len(self.queue) < self.many

    def submit(self, stage) -> None:
        self.queue.append(stage)

    def wait(self, seconds):
        if not self.queue:
            return []
        stage = self.queue.pop(0)
        self.order.append(stage.key)
        return [compute(stage, self.session)]

    def close(self) -> None:
        self.closed = True


class Listens(Silent):
    def __init__(self) -> None:
        self.lines = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def contents(root: Path) -> dict:
    return {a.key: a.manifest["files"] for a in Store(root).artifacts()}


def timeless(outcomes) -> list:
    records = [o.result.to_dict() for o in outcomes]
    for record in records:
        record["execution"] = [(s["key"], s["reused"]) for s in record["execution"]["stages"]]
    return records


@pytest.fixture(scope="module")
def sequential(tmp_path_factory):
    """What one process makes of the runs, and its store."""
    folder = tmp_path_factory.mktemp("sequential")
    session = make_session(folder / "cache")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(MARK, str(folder))  # which is there: nothing dies
        jobs = [job("toy", 0), job("dying", 0), job("toy", 1)]
        return run_all(jobs, session, folder / "results"), contents(folder / "cache")


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """What two processes make of them, one of which dies, beside a run that fails."""
    folder = tmp_path_factory.mktemp("processes")
    listens = Listens()
    session = make_session(folder / "cache", listens)
    options = ExecutionOptions(
        device="cpu", cache=folder / "cache", results=folder / "results", checkpoint_every=0
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(MARK, str(folder / "died"))
        patched.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
        jobs = [job("toy", 0), job("failing", 0), job("dying", 0), job("toy", 1)]
        session.store.prepare()
        done = run_parallel(jobs, session, options.results, LocalWorkers(options, 2))
    return folder, done, listens.lines


def test_processes_make_what_one_makes_though_one_of_them_is_killed(processes, sequential):
    folder, (first, failed, second, third), _ = processes
    outcomes, artifacts = sequential
    assert (folder / "died").is_file()
    assert isinstance(failed, FailedRun)
    assert timeless([first, second, third]) == timeless(outcomes)
    assert contents(folder / "cache") == artifacts
    assert Store(folder / "cache").broken() == []


def test_a_failing_run_of_several_processes_stops_no_other_and_is_told(processes):
    _, (_, failed, *_), lines = processes
    raised = "FailingTranslator.training_step() raised TypeError: a slip of its author"
    told = f"failing seed 0: translator 'failing' of plugin 'dying': {raised} (--debug shows where)"
    assert str(failed) == told
    assert lines.count(f"failed {told}") == 1
    assert "toy seed 1: done, 4 of 4 runs" in lines or "toy seed 1: done, 3 of 4 runs" in lines


def test_no_process_and_no_note_is_left(processes):
    folder, *_ = processes
    assert list((folder / "cache" / "running").iterdir()) == []
    died = int((folder / "died").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(died, 0)
    (record,) = (folder / "cache" / "runs").iterdir()  # of the run that failed
    assert "a slip of its author" in record.read_text()


def test_each_distinct_stage_is_handed_over_once_and_rows_are_whole_in_their_order(
    session, tmp_path, sequential
):
    outcomes, _ = sequential
    session.store.prepare()
    listening = replace(session, reporter=Listens())
    workers, jobs = Here(session), [job("toy", 0), job("toy", 1)]
    done = run_parallel(jobs, listening, tmp_path, workers)
    assert timeless(done) == timeless([outcomes[0], outcomes[2]])
    assert sorted(workers.order) == sorted({s.key for j in jobs for s in j.plan.stages})
    assert workers.closed
    assert [line.partition(":")[0] for line in listening.reporter.lines] == [
        "toy seed 0",
        "toy seed 1",
    ]


def test_runs_whose_stages_are_at_hand_are_recorded_without_a_worker(session, tmp_path):
    session.store.prepare()
    first = run_all([job("toy", 0)], session, tmp_path)
    workers = Here(session)
    again = run_parallel([job("toy", 0)], session, tmp_path, workers)
    assert workers.order == []
    assert again[0].result.scores == first[0].result.scores
    assert {s["reused"] for s in again[0].result.execution["stages"]} == {True}


def test_a_stage_that_another_command_computes_is_waited_for_while_others_go_on(
    session, tmp_path, monkeypatch
):
    session.store.prepare()
    monkeypatch.setattr(parallel, "PATIENCE", 0.01)
    planned = job("toy", 0)
    fit = next(s for s in planned.plan.stages if isinstance(s, FitTranslator))
    lock = session.store.root / "locks" / f"{fit.key.replace('/', '-')}.lock"
    workers = Here(session)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        wait = workers.wait

        def waited(seconds):
            if not workers.queue:  # nothing is left but what hangs on the other command's
                fcntl.flock(file, fcntl.LOCK_UN)
            return wait(seconds)

        workers.wait = waited
        (done,) = run_parallel([planned], session, tmp_path, workers)
    assert isinstance(done, RecordedRun)
    others = [s.key for s in planned.plan.stages if s.kind == "decode"]
    assert workers.order.index(fit.key) > max(map(workers.order.index, others))


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_sweep_ends_its_workers(session, tmp_path, error):
    session.store.prepare()
    workers = Here(session)

    def interrupted(seconds):
        raise error

    workers.wait = interrupted
    with pytest.raises(error):
        run_parallel([job("toy", 0)], session, tmp_path, workers)
    assert workers.closed


def test_a_termination_ends_the_workers_too(session, tmp_path):
    session.store.prepare()
    workers = Here(session)
    before = signal.getsignal(signal.SIGTERM)

    def terminated(seconds):
        os.kill(os.getpid(), signal.SIGTERM)
        return []

    workers.wait = terminated
    with pytest.raises(SystemExit) as ended:
        run_parallel([job("toy", 0)], session, tmp_path, workers)
    assert ended.value.code == 143
    assert workers.closed
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_stage_that_kills_every_worker_is_given_up(monkeypatch, tmp_path):
    begun = []

    class Broken:
        def __init__(self, *args) -> None:
            self._processes = {}

        def submit(self, function, stage):
            begun.append(stage.title)
            future: Future[Ended] = Future()
            future.set_exception(BrokenProcessPool())
            return future

        def shutdown(self, **how) -> None:
            pass

    monkeypatch.setattr(local, "ProcessPoolExecutor", Broken)
    workers = LocalWorkers(ExecutionOptions(device="cpu", cache=tmp_path), 1)
    stage = job("toy", 0).plan.stages[0]
    workers.submit(stage)
    assert not workers.free
    told = [ended for _ in range(4) for ended in workers.wait(0)]
    assert begun == [stage.title] * 4
    (ended,) = told
    assert "was killed 4 times" in str(ended.error)
    assert workers.free


def test_threads_are_shared_out_unless_the_user_names_them(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [threads_of(jobs) for jobs in (1, 2, 3, 16)] == [8, 4, 2, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads_of(2) == 3


def test_devices_are_shared_out_in_turn(tmp_path):
    options = ExecutionOptions(device="cpu", cache=tmp_path)
    workers = LocalWorkers(options, 3, ("cuda:0", "cuda:1"))
    assert [s.options.device for s in workers._slots] == ["cuda:0", "cuda:1", "cuda:0"]
    assert LocalWorkers(options, 1)._slots[0].options.device == "cpu"


class OddError(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def test_an_error_reaches_the_command_whatever_its_class():
    kept = UsageError("no such thing")
    assert portable(kept) is kept
    assert str(portable(OddError(1, 2))) == "OddError: 1 and 2"
    lost = portable(BusyError("a/b", "title"))
    assert type(lost) is ReidbenchError


def test_the_store_is_asked_once_for_each_stage(session, monkeypatch):
    asked = []
    monkeypatch.setattr(type(session.store), "find", lambda _, key: asked.append(key))
    sweep = graph_of([job("toy", 0), job("toy", 1)], session.store)
    assert sorted(asked) == sorted(sweep.graph.nodes) == sorted(sweep.stages)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (EngineOptions(engine="slurm"), "--engine takes local or ray, not 'slurm'"),
        (EngineOptions(jobs=0), "--jobs must be 1 at least"),
        (EngineOptions(address="auto"), "it goes with --engine ray"),
        (EngineOptions(store="sent"), "--store sent is a Ray cluster's; it goes with --engine ray"),
        (EngineOptions(engine="ray", store="lent"), "--store takes shared or sent, not 'lent'"),
        (EngineOptions(engine="ray", devices=("cpu",)), "--devices goes with --engine local"),
        (EngineOptions(devices=("cuda:99",)), "--device cuda:99: this machine has"),
    ],
)
def test_an_engine_or_device_that_is_not_there_is_refused(options, error):
    with pytest.raises(UsageError, match=error):
        check_engine(options, ExecutionOptions())


def test_workers_look_for_weights_where_the_command_does(session, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(choice, "_workers", lambda _, execution, __: given.append(execution))
    before = data_root_of_weights()
    try:
        look_for_weights_in(tmp_path)
        options = ExecutionOptions(device="cpu", cache=tmp_path / "cache")
        assert choice.run_jobs([], session, options, EngineOptions()) == []
        look_for_weights_in(None)  # as in a process that has just begun
        worker_session(given[0])
        assert data_root_of_weights() == str(tmp_path)
    finally:
        look_for_weights_in(before)


@pytest.mark.parametrize(
    "options",
    [EngineOptions(jobs=2), EngineOptions(devices=("cpu",)), EngineOptions(engine="ray")],
)
def test_devices_that_compute_together_have_no_other_jobs_beside_them(options):
    with pytest.raises(UsageError, match="--devices 2 computes one stage at a time"):
        check_engine(options, ExecutionOptions(devices=2))
    check_engine(EngineOptions(), ExecutionOptions(devices=2))


def test_devices_of_a_sweep_are_names_for_its_jobs_or_a_number_together():
    execution, engine = ExecutionOptions(), EngineOptions(jobs=3)
    named = with_devices(["cuda:0", "cuda:1"], execution, engine)
    assert named == (execution, replace(engine, devices=("cuda:0", "cuda:1")))
    assert with_devices(["2"], execution, engine) == (replace(execution, devices=2), engine)
    assert with_devices([], execution, engine) == (execution, engine)
