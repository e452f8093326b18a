from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from reidbench.cli import cli
from reidbench.runs import ledger
from reidbench.runs.launch import run_and_record
from reidbench.testing.toy_runs import toy_plan


@pytest.fixture
def status(session, tmp_path):
    def call(*args):
        folders = ("--cache", str(session.store.root), "--results", str(tmp_path / "results"))
        done = CliRunner().invoke(cli, ["status", *folders, *args])
        assert done.exit_code == 0, done.stderr
        return done

    return call


def test_an_empty_folder_has_no_run(status):
    assert status().stdout == "no run is known here\n"


def test_each_run_has_a_line_with_its_state(status, session, tmp_path):
    results = tmp_path / "results"
    run_and_record(toy_plan(), session, results)
    ledger.failed(session.store.root, toy_plan(1), results, ValueError("no such luck"))
    with ledger.under_way(session.store.root, [toy_plan(2)], results):
        told = status().stdout
        record = json.loads(status("--json").stdout)
    assert "no such luck" in told
    assert told.endswith("1 waiting, 1 failed, 1 finished\n")
    states = {run["run"]: run["state"] for run in record["runs"]}
    assert states == {
        "toy-kept seed 2": "waiting",
        "toy-kept seed 1": "failed",
        "toy-kept seed 0": "finished",
    }
    forgotten = status("--forget")
    assert sorted(forgotten.stderr.splitlines()) == [
        "forgotten: toy-kept seed 1",
        "forgotten: toy-kept seed 2",  # its command is gone by now
    ]
    assert forgotten.stdout.endswith("1 finished\n")
