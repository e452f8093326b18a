"""Losses of finished stages as TensorBoard reads them."""

from __future__ import annotations

import json
import logging
from importlib.metadata import EntryPoint

import pytest
import reidbench_tensorboard
from reidbench_tensorboard import FOLDER, scalars

from reidbench.registry.loading import load_from
from reidbench.storage.artifacts import Artifact

LINES = [{"step": n, "gan": 1 / (n + 1), "cycle": 10.0 - n} for n in range(4)]


@pytest.fixture
def artifact(tmp_path):
    made = tmp_path / "made"
    made.mkdir()
    text = "".join(json.dumps(line) + "\n" for line in LINES)
    (made / "train.losses.jsonl").write_text(text)
    return Artifact("fit/0123", made, {})


@pytest.fixture
def logs(tmp_path, monkeypatch):
    scalars._can_write.cache_clear()
    monkeypatch.setenv(FOLDER, str(tmp_path / "logs"))
    yield tmp_path / "logs"
    scalars._can_write.cache_clear()


def finish(artifact):
    reidbench_tensorboard.reidbench_stage_finished(artifact=artifact)


def test_tensorboard_reads_every_loss_of_every_step(artifact, logs):
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    finish(artifact)
    read = EventAccumulator(str(logs / "fit/0123"))
    read.Reload()
    assert sorted(read.Tags()["scalars"]) == ["train/cycle", "train/gan"]
    for name in ("gan", "cycle"):
        seen = [(e.step, e.value) for e in read.Scalars(f"train/{name}")]
        assert seen == [(line["step"] + 1, pytest.approx(line[name])) for line in LINES]
    assert [p.name for p in (logs / "fit").iterdir()] == ["0123"]  # nothing half written


def test_a_stage_is_written_once(artifact, logs):
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    finish(artifact)
    before = sorted(logs.rglob("*"))
    finish(artifact)
    assert sorted(logs.rglob("*")) == before


def test_nothing_is_written_unasked_or_of_a_stage_that_trains_nothing(artifact, logs, monkeypatch):
    (artifact.path / "train.losses.jsonl").rename(artifact.path / "other.jsonl")
    finish(artifact)
    assert not logs.exists()
    (artifact.path / "other.jsonl").rename(artifact.path / "train.losses.jsonl")
    monkeypatch.delenv(FOLDER)
    finish(artifact)
    assert not logs.exists()


def test_one_line_says_that_the_package_is_missing(artifact, logs, monkeypatch, caplog):
    monkeypatch.setattr(scalars, "find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING):
        finish(artifact)
        finish(artifact)
    (record,) = caplog.records
    assert "pip install 'reidbench[tensorboard]'" in record.getMessage()
    assert not logs.exists()


def test_a_folder_that_cannot_be_written_stops_nothing(artifact, logs, caplog):
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    logs.write_text("a file")
    finish(artifact)
    assert "no losses for TensorBoard" in caplog.text


def test_it_listens_where_it_is_loaded():
    found = load_from([EntryPoint("tensorboard", "reidbench_tensorboard", "reidbench")])
    assert [p.error for p in found.found] == ["", ""]
    hook = found.manager.hook.reidbench_stage_finished
    assert [listener.plugin_name for listener in hook.get_hookimpls()] == ["tensorboard"]
