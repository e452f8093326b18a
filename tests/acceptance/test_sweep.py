"""Many runs by one command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from reidbench.cli import cli
from tests.acceptance.ground import computed

FAILING = """
    import torch
    from reidbench.hookspecs import hookimpl
    from reidbench.interfaces import IdentityConstraint

    class Diverging(IdentityConstraint):
        def setup(self, ctx): pass
        def losses(self, hops, clock): return {"bad": hops[0].fake.sum() * float("nan")}

    class Faulty(Diverging):
        def losses(self, hops, clock): raise TypeError("a slip of its author")

    @hookimpl
    def reidbench_register(registry):
        registry.constraint("diverging", "reidbench_failing:Diverging")
        registry.constraint("faulty", "reidbench_failing:Faulty")
"""


def test_methods_and_seeds_share_stages(place):
    methods = ("--method", "direct", "--method", "spgan", "--seeds", "0-1")
    swept = place("sweep", *methods, "--json")
    assert swept.exit_code == 0, swept.stderr
    runs = [(r["recipe"]["name"], r["seed"]) for r in json.loads(swept.stdout)]
    assert sorted(runs) == [("direct", 0), ("direct", 1), ("spgan", 0), ("spgan", 1)]
    assert len(computed(place.cache, "decode")) == 4
    assert len(computed(place.cache, "translator")) == 2
    # Fine-tuning starts from direct transfer; one classifier of the true pictures serves both.
    assert len(computed(place.cache, "learn")) == 4 + 1
    again = place("sweep", *methods)
    assert "to compute" not in again.stderr
    assert "±" in again.stdout


@pytest.mark.parametrize(
    ("constraint", "reason"),
    [("diverging", "training diverged"), ("faulty", "a slip of its author")],
)
def test_a_failing_run_stops_no_other(place, install, constraint, reason):
    install("failing", FAILING)
    names = ("--constraint", constraint, "--constraint", "none")
    swept = place("sweep", "--translator", "cyclegan", *names, "--seeds", "0", "--json")
    assert swept.exit_code == 1
    assert "error: 1 of 2 runs failed" in swept.stderr
    assert reason in swept.stderr
    assert "Traceback" not in swept.stderr
    assert [r["recipe"]["name"] for r in json.loads(swept.stdout)] == ["cyclegan"]


def test_a_setting_goes_to_those_that_have_its_owner(place):
    methods = ("--method", "direct", "--method", "cyclegan")
    swept = place("sweep", *methods, "--seeds", "0", "--set", "cyclegan.lr=0.001", "--json")
    assert swept.exit_code == 0, swept.stderr
    direct, cyclegan = json.loads(swept.stdout)
    assert direct["modified"] == {}
    assert cyclegan["modified"] == {"cyclegan.lr": 0.001}


def test_a_setting_of_nobody_is_refused(place):
    swept = place("sweep", "--method", "direct", "--set", "cyclgan.lr=0.001")
    assert swept.exit_code == 2
    assert "'cyclgan' is no part of this run" in swept.stderr
    assert not computed(place.cache, "decode", "learn")


STUDY = """
title = "a small table"
reported = "spgan/table 1"

[[run]]
label = "direct"
method = "direct"
reported = "Direct Transfer"

[[run]]
label = "direct"
series = "flipped"
method = "direct"
settings = { embedding.flip = true }

[[run]]
label = "on the source"
method = "direct"
tested = "source"

[[run]]
label = "CycleGAN"
method = "cyclegan"

[[run]]
label = "eSPGAN"
method = "not-installed"
"""


@pytest.fixture
def study(tmp_path):
    def write(text: str = STUDY, name: str = "small") -> str:
        (tmp_path / f"{name}.toml").write_text(text)
        return str(tmp_path / f"{name}.toml")

    return write


def test_a_study_runs_what_it_can_and_leaves_an_index_and_a_figure(place, study):
    swept = place("sweep", "--study", study(), "--seeds", "0")
    assert swept.exit_code == 1
    assert "error: 1 of 5 runs failed" in swept.stderr
    assert "small.toml: run 'eSPGAN': no method is named 'not-installed'" in swept.stderr
    measured, reported = swept.stdout.split("Reported, not measured")
    assert "Measured on tiny v1 (synthetic images): a small table" in measured
    assert "direct, flipped" in measured
    assert "48.1" in reported
    assert "48.1" not in measured
    assert len(computed(place.cache, "translator")) == 1
    # Direct transfer is learned once, and so is the classifier of the true pictures.
    assert len(computed(place.cache, "learn")) == 2 + 1
    index = place.results / "tiny" / "studies" / "small.json"
    assert index.with_suffix(".svg").read_text().count("synthetic images") == 1
    runs = {r["label"] + r["series"]: r["results"] for r in json.loads(index.read_text())["runs"]}
    assert set(runs) == {"direct", "directflipped", "on the source", "CycleGAN"}
    names = [name for found in runs.values() for name in found]
    assert len(set(names)) == 4
    assert all((index.parents[1] / name).is_file() for name in names)


def test_what_a_study_sets_stands_as_modified_in_its_results(place, study):
    text = "\n[[run]]".join(STUDY.split("\n[[run]]")[:4])
    swept = place(
        "sweep", "--study", study(text), "--seeds", "0", "--set", "ide.epochs=2", "--json"
    )
    record = json.loads(swept.stdout)
    assert swept.exit_code == 0, swept.stderr
    found = {
        run["run"]: json.loads(Path(run["results"][0]).read_text())["modified"]
        for run in record["measured"]
    }
    assert found == {
        "direct": {"ide.epochs": 2},
        "direct, flipped": {"ide.epochs": 2, "embedding.flip": True},
        "on the source": {"ide.epochs": 2, "tested": "source"},
    }
    assert [r["measures"]["mAP"]["n"] for r in record["measured"]] == [1, 1, 1]
    assert len(record["reported"]) == 16
    assert not computed(place.cache, "translator")


RECOGNISED = """
title = "who is recognised"
measure = "translated_accuracy"
reported = "ipgan/table 2"
[[run]]
label = "CycleGAN"
method = "cyclegan"
reported = "StarGAN"
[[run]]
label = "Direct"
method = "direct"
[[run]]
label = "SimPGAN's way"
method = "cyclegan"
direction = "target-to-source"
"""


def test_a_study_may_be_of_what_translation_kept(place, study):
    swept = place("sweep", "--study", study(RECOGNISED), "--seeds", "0")
    assert "error: 2 of 3 runs failed" in swept.stderr
    for run in ("Direct", "SimPGAN's way"):
        reason = "it translates no training images: it has no translated_accuracy"
        assert f"run '{run}': {reason}" in swept.stderr
    # Nothing of the two that have none; beside it the classifier of the true pictures.
    assert len(computed(place.cache, "learn")) == 2 + 1
    measured, reported = swept.stdout.split("Reported, not measured")
    assert "real images" in measured
    assert "translated" in measured
    assert "22.0" in reported
    figure = (place.results / "tiny" / "studies" / "small.svg").read_text()
    assert "identity accuracy, translated images" in figure
    again = place("sweep", "--study", study(RECOGNISED), "--seeds", "0", "--json")
    (line,) = json.loads(again.stdout)["measured"]
    (path,) = line["results"]
    kept = json.loads(Path(path).read_text())["translation"]["accuracy"]
    told = line["measures"]
    assert told["real_accuracy"]["mean"] == pytest.approx(kept["real"])
    assert told["translated_accuracy"]["mean"] == pytest.approx(kept["translated"])


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["--method", "direct"], "--study names its own runs"),
        (["--set", "embedding.flip=false"], "the study 'small' sets it itself"),
        (["--set", "cyclgan.lr=1"], "'cyclgan' is no part of this run; did you mean 'cyclegan'?"),
    ],
)
def test_what_does_not_go_with_a_study_is_refused(place, study, args, error):
    swept = place("sweep", "--study", study(), *args)
    assert swept.exit_code == 2
    assert error in swept.stderr
    assert not computed(place.cache, "decode", "learn")


def test_a_study_of_which_nothing_can_be_run(place, study):
    text = 'title = "t"\n[[run]]\nlabel = "x"\nmethod = "direct"\nsettings = { idee.lr = 1 }'
    swept = place("sweep", "--study", study(text))
    assert swept.exit_code == 2
    assert "small.toml: run 'x': idee.lr: 'idee' is no part of this run" in swept.stderr
    assert "did you mean 'ide'?" in swept.stderr


def test_a_study_says_itself_on_what_it_is_run(place, study, tmp_path):
    text = f'title = "t"\nbenchmark = "{place.benchmark}"\n'
    text += '[[run]]\nlabel = "x"\nmethod = "direct"'
    folders = ("--cache", str(place.cache), "--results", str(place.results), "--device", "cpu")
    swept = CliRunner().invoke(cli, ["sweep", "--study", study(text), "--seeds", "1", *folders])
    assert swept.exit_code == 0, swept.stderr
    assert (place.results / "tiny" / "studies" / "small.json").is_file()
