"""Traces of a training's first steps."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.profiler import record_function

from reidbench.engine.loop import Loop
from reidbench.engine.profiling import SUFFIX, TRACED
from reidbench.runs.runner import run_plan
from reidbench.testing.toy_runs import CPU, make_session, toy_plan

STEP = "one step"


def step(clock):
    with record_function(STEP):
        return {"loss": torch.randn(4).sum()}


def train(folder, steps, traces=None, say=print):
    Loop(folder, 0, CPU, say=say, traces=traces).run(steps, step, {"part": nn.Linear(1, 1)})
    return (folder / "train.losses.jsonl").read_text()


def traced_steps(path):
    events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    return sum(e.get("name") == STEP and e.get("cat") == "user_annotation" for e in events)


@pytest.mark.parametrize(("steps", "traced"), [(9, TRACED), (4, 2), (2, 1)])
def test_a_trace_holds_the_few_steps_after_the_warm_up(tmp_path, steps, traced):
    said = []
    train(tmp_path / "run", steps, tmp_path / "traces", said.append)
    path = tmp_path / "traces" / f"train{SUFFIX}"
    assert traced_steps(path) == traced
    assert said == [f"profile: {path}"]


def test_a_profile_changes_no_number(tmp_path):
    plain = train(tmp_path / "plain", 9)
    assert train(tmp_path / "traced", 9, tmp_path / "traces") == plain


def test_a_trace_that_cannot_be_written_stops_no_training(tmp_path):
    (tmp_path / "file").write_text("")
    said = []
    assert train(tmp_path / "run", 9, tmp_path / "file", said.append).count("\n") == 9
    assert len(said) == 1
    assert said[0].startswith("warning: no profile at ")


def test_each_training_stage_of_a_run_has_a_trace_and_the_key_it_had(tmp_path):
    traces = tmp_path / "traces"
    plain = run_plan(toy_plan(), make_session(tmp_path / "plain"))
    session = replace(make_session(tmp_path / "cache"), profile=traces)
    outcome = run_plan(toy_plan(), session)
    written = {p.parent.relative_to(traces).as_posix() for p in traces.rglob(f"*{SUFFIX}")}
    trained = {
        key for key, done in outcome.finished.items() if list(done.artifact.path.glob("*.jsonl"))
    }
    assert trained
    assert written == trained
    files = {key: done.artifact.manifest["files"] for key, done in outcome.finished.items()}
    assert files == {key: done.artifact.manifest["files"] for key, done in plain.finished.items()}


def test_a_training_of_one_step_has_no_trace(tmp_path):
    train(tmp_path / "run", 1, tmp_path / "traces")
    assert not (tmp_path / "traces").exists()
