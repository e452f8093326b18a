from __future__ import annotations

import fcntl
import os
from dataclasses import replace

import pytest

from reidbench.engine import loop as training
from reidbench.errors import ReidbenchError
from reidbench.runs import ledger, notes, sources
from reidbench.runs.launch import run_and_record
from reidbench.runs.notes import Note, noted, read_note, read_notes
from reidbench.runs.runner import run_plan
from reidbench.runs.status import checkpoint_step, forget, read_status
from reidbench.stages import FitTranslator
from reidbench.testing.toy_runs import toy_plan, toy_registry
from tests.runs.killing import Counting


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def states(session, tmp_path, stale=None) -> list[tuple[str, str]]:
    found = read_status(session.store, tmp_path / "results", stale or {})
    return [(run.run, run.state) for run in found.runs]


@pytest.fixture
def fit():
    return next(s for s in toy_plan().stages if isinstance(s, FitTranslator))


def test_a_note_tells_how_far_a_stage_is_and_goes_with_it(tmp_path):
    clock, told = Clock(), []
    with noted(tmp_path, "learn/ab", "learn", lambda *a: told.append(a), clock) as progress:
        assert read_note(tmp_path, "learn/ab").done == 0
        clock.now += 1
        progress(11, 100, {"loss": 0.5, "bad": float("nan")})
        clock.now += 0.5
        progress(12, 100, {})  # too soon for another note
        (note,) = read_notes(tmp_path)
        assert (note.done, note.total, note.values) == (11, 100, {"loss": 0.5})
        assert note.pid == os.getpid()
        clock.now += 8.5
        progress(20, 100, {})
        note = read_note(tmp_path, "learn/ab")
    # The first ten steps were another process's.
    assert (note.rate, note.left) == (1.0, 80.0)
    assert [call[0] for call in told] == [11, 12, 20]
    assert read_notes(tmp_path) == []


def test_a_disk_that_takes_no_note_stops_nothing(tmp_path):
    (tmp_path / notes.FOLDER).write_text("a file is in the way")
    with noted(tmp_path, "learn/ab", "learn", lambda *_: None) as progress:
        progress(1, 2, {})
    assert read_notes(tmp_path) == []


@pytest.mark.parametrize("content", ["", "[]", '{"key": 1}', "null"])
def test_a_note_that_is_none_is_passed_over(tmp_path, content):
    path = tmp_path / notes.FOLDER / "learn-ab.json"
    path.parent.mkdir()
    path.write_text(content)
    assert read_note(tmp_path, "learn/ab") is None
    assert read_notes(tmp_path) == []


def test_a_finished_run_is_told_by_its_result(session, tmp_path):
    run_and_record(toy_plan(), session, tmp_path / "results")
    assert states(session, tmp_path) == [("toy-kept seed 0", "finished")]


def test_a_failed_run_says_why_until_it_succeeds(session, tmp_path):
    broken = replace(session, checkpoint_every="soon")
    with pytest.raises(TypeError):
        run_and_record(toy_plan(), broken, tmp_path / "results")
    (run,) = read_status(session.store, tmp_path / "results", {}).runs
    assert (run.state, run.benchmark) == ("failed", "toy")
    assert run.reason.startswith("TypeError: ")
    run_and_record(toy_plan(), session, tmp_path / "results")
    assert states(session, tmp_path) == [("toy-kept seed 0", "finished")]


def test_a_run_whose_stage_is_being_computed_is_running(session, tmp_path, fit):
    session.store.prepare()
    note = Note(fit.key, "train toy+kept", "elsewhere", 4711, 1000.0, 1010.0, 30, 90)
    notes._write(notes._path(session.store.root, fit.key), vars(note))
    lock = session.store.root / "locks" / f"{fit.key.replace('/', '-')}.lock"
    with (
        ledger.under_way(session.store.root, [toy_plan(), toy_plan(1)], tmp_path / "results"),
        lock.open("a") as file,
    ):
        fcntl.flock(file, fcntl.LOCK_EX)
        running, waiting = read_status(session.store, tmp_path / "results", {}).runs
        assert (running.run, running.state, running.stage) == (
            "toy-kept seed 0",
            "running",
            "train toy+kept",
        )
        assert (running.done, running.total, running.left) == (30, 90, 20.0)
        assert running.owner == "4711 on elsewhere"
        assert (waiting.run, waiting.state) == ("toy-kept seed 1", "waiting")


def test_a_run_whose_command_has_ended_without_it_was_interrupted(
    session, tmp_path, fit, monkeypatch
):
    class Interrupting(Counting):
        def progress(self, done, total, log):
            super().progress(done, total, log)
            if self.titles[-1] == "train toy+kept" and done == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(training, "SHOW_EVERY", 0)
    stopped = replace(session, reporter=Interrupting(), checkpoint_every=0)
    with (
        pytest.raises(KeyboardInterrupt),
        ledger.under_way(session.store.root, [toy_plan()], tmp_path / "results"),
    ):
        run_plan(toy_plan(), stopped)
    (run,) = read_status(session.store, tmp_path / "results", {}).runs
    # Its third step was made, and the second one's checkpoint is the last.
    assert (run.state, run.stage, run.done) == ("interrupted", fit.key, 2)
    assert checkpoint_step(session.store, fit.key) == 2
    assert forget(session.store) == ["toy-kept seed 0"]
    assert states(session, tmp_path) == []


def test_what_is_under_way_is_not_forgotten(session, tmp_path):
    with ledger.under_way(session.store.root, [toy_plan()], tmp_path / "results"):
        assert forget(session.store) == []
        assert states(session, tmp_path) == [("toy-kept seed 0", "waiting")]


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0notjson!", b"\xff" * 64])
def test_a_damaged_checkpoint_tells_no_step(session, fit, content):
    folder = session.store.root / "partial" / fit.key / "resume"
    folder.mkdir(parents=True)
    (folder / "translator.safetensors").write_bytes(content)
    assert checkpoint_step(session.store, fit.key) is None


def test_a_result_is_stale_once_a_source_has_changed_at_an_equal_version(
    session, tmp_path, fit, monkeypatch
):
    registry = toy_registry()
    run_and_record(toy_plan(), session, tmp_path / "results")
    assert list(sources.stale(session.store, registry)) == []
    manifest = session.store.find(fit.key).manifest
    assert set(manifest["sources"]) == {"translator toy 1", "constraint kept 1", "dataset toy 1"}
    toy = registry.entry("translator", "toy").load()
    source_of = sources.source_of
    monkeypatch.setattr(sources, "source_of", lambda f: "other" if f is toy else source_of(f))
    found = dict(sources.stale(session.store, registry))
    assert found[fit.key] == registry.entry("translator", "toy")
    (run,) = read_status(session.store, tmp_path / "results", {fit.key: "other source"}).runs
    assert (run.state, run.reason) == ("stale", "other source")
    # A version that was raised has a key of its own: the old result is what it was.
    monkeypatch.setattr(toy, "version", 2)
    assert list(sources.stale(session.store, registry)) == []


def test_a_cache_that_takes_no_records_stops_no_run(session, tmp_path):
    session.store.prepare()
    (session.store.root / ledger.FOLDER).write_text("a file is in the way")
    with ledger.under_way(session.store.root, [toy_plan()], tmp_path / "results"):
        ledger.failed(session.store.root, toy_plan(), tmp_path, ReidbenchError("no"))
    assert list(ledger.entries(session.store.root)) == []
