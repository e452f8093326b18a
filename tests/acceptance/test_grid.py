"""Sweeps over benchmarks and values, on several processes, and what is said before them."""

from __future__ import annotations

import json

import pytest
import torch

from reidbench.testing.tiny import write_tiny_benchmark
from tests.acceptance.ground import computed, timeless

DIRECT = ("--method", "direct", "--seeds", "0")


def test_benchmarks_and_values_are_combined_and_each_run_is_made_once(place, tmp_path):
    other = write_tiny_benchmark(tmp_path / "other.toml")
    values = ("--set", "ide.epochs=1", "--set", "ide.epochs=2", "--set", "embedding.flip=true")
    swept = place("sweep", *DIRECT, "--benchmark", str(other), *values, "--json")
    assert swept.exit_code == 0, swept.stderr
    found = [(r["benchmark"]["name"], r["modified"]) for r in json.loads(swept.stdout)]
    each = [{"ide.epochs": n, "embedding.flip": True} for n in (1, 2)]
    # Both files hold the same benchmark: what is learned is shared, and so is what is found.
    assert found == [(name, modified) for name in ("tiny", "other") for modified in each]
    assert len(computed(place.cache, "learn")) == 2
    shown = place("sweep", *DIRECT, "--benchmark", str(other), *values)
    assert shown.stdout.count("v1, mean and standard deviation") == 2
    assert shown.stdout.count("ide.epochs=2") == 2  # what tells the rows of a table apart


def test_a_value_of_one_method_leaves_the_others_a_single_run(place):
    values = ("--set", "cyclegan.lr=0.001", "--set", "cyclegan.lr=0.002", "--dry-run", "--json")
    told = place("sweep", *DIRECT, "--method", "cyclegan", *values)
    assert [run["title"] for run in json.loads(told.stdout)["runs"]] == [
        "direct seed 0",
        "cyclegan cyclegan.lr=0.001 seed 0",
        "cyclegan cyclegan.lr=0.002 seed 0",
    ]


def test_a_study_takes_one_benchmark_and_one_value(place, tmp_path):
    study = tmp_path / "small.toml"
    study.write_text('title = "t"\n[[run]]\nlabel = "x"\nmethod = "direct"')
    values = ("--set", "ide.epochs=1", "--set", "ide.epochs=2")
    swept = place("sweep", "--study", str(study), *values)
    assert swept.exit_code == 2
    assert "a study runs on one benchmark" in swept.stderr


def test_a_dry_run_computes_and_writes_nothing(place):
    told = place("sweep", *DIRECT, "--method", "cyclegan", "--dry-run")
    assert told.exit_code == 0, told.stderr
    assert not place.cache.exists()
    assert not place.results.exists()
    assert "2 runs want 22 stages, 18 of them distinct" in told.stdout
    assert "time: unknown; no stage of the like was recorded" in told.stdout


def test_a_dry_run_tells_what_is_at_hand_and_the_time_of_the_like(place):
    assert place("sweep", *DIRECT).exit_code == 0
    again = place("sweep", *DIRECT, "--dry-run")
    assert "6 of them distinct: 6 at hand or not needed, 0 to compute" in again.stdout
    # Another seed is of the like: what is new of it takes as long, and the images are there.
    other = place("sweep", "--method", "direct", "--seeds", "1", "--dry-run", "--json")
    told = json.loads(other.stdout)
    assert (told["missing"], told["unknown"]) == (3, 0)
    manifests = place.cache.glob("objects/*/*/manifest.json")
    kept = [json.loads(m.read_text()) for m in manifests]
    seconds = sum(m["seconds"] for m in kept if m["stage"] in ("learn", "embed", "evaluate"))
    assert told["seconds"] == pytest.approx(seconds)
    assert told["devices"] == [kept[0]["device"]]
    # Once the stages have gone, the results still tell what they took.
    for manifest in place.cache.glob("objects/*/*/manifest.json"):
        manifest.unlink()
    gone = json.loads(place("sweep", *DIRECT, "--dry-run", "--json").stdout)
    assert (gone["missing"], gone["unknown"]) == (6, 0)


def test_another_number_of_steps_is_not_of_the_like(place):
    assert place("sweep", *DIRECT).exit_code == 0
    longer = place("sweep", *DIRECT, "--set", "ide.epochs=9", "--dry-run")
    assert "without 3 stages of unknown time" in longer.stdout or "time: unknown" in longer.stdout


def test_processes_leave_the_results_of_one(place, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
    names = ("--method", "direct", "--seeds", "0-1", "--json")
    many = place("sweep", *names, "--jobs", "2")
    assert many.exit_code == 0, many.stderr
    assert ": done, 2 of 2 runs" in many.stderr  # whichever ends last
    one = place("sweep", *names, "--cache", str(tmp_path / "other"))
    found, expected = ([timeless(r) for r in json.loads(s.stdout)] for s in (many, one))
    assert found == expected


def test_an_engine_that_is_not_there_is_refused_before_anything_is_computed(place):
    swept = place("sweep", *DIRECT, "--engine", "slurm")
    assert swept.exit_code == 2
    assert "--engine takes local or ray, not 'slurm'" in swept.stderr
    assert not place.cache.exists()
