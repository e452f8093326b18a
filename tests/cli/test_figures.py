"""``distribution`` and ``transforms``: one run's figures, from the options of a run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from reidbench.cli.verbs import distribution
from reidbench.registry.registry import Registration
from reidbench.runs import figures, projection
from reidbench.stages.distribution import SAMPLE

TOYS = "reidbench.testing.toys"
MOVES = "tests.evaluation.test_transforms"

BENCHMARK = """
version = 1
summary = "toys"
seeds = [0]
image_size = [16, 8]
source = {name = "toy", domain = "a"}
target = {name = "toy", domain = "b"}
protocol = {name = "market1501"}
budget = {steps = 2, batch = 4}
"""

RUN = ("--translator", "toy", "--learner", "toy")


@pytest.fixture
def toys(plugins, tmp_path, monkeypatch):
    """Toys to be run in a folder of their own; the options that lead there."""
    ours = Registration("toys")
    ours.dataset("toy", f"{TOYS}:ToyDataset")
    ours.translator("toy", f"{TOYS}:ToyTranslator")
    ours.translator("moving", f"{MOVES}:Moving")
    ours.learner("toy", f"{TOYS}:ToyLearner")
    plugins.registry.add(ours)
    (tmp_path / "toys.toml").write_text(BENCHMARK)
    monkeypatch.chdir(tmp_path)
    return ("--benchmark", "toys.toml", "--cache", "cache", "--device", "cpu")


def test_choices_and_defaults_are_those_of_the_modules_that_draw():
    options = {p.name: p for p in distribution.command.params}
    assert set(distribution.WAYS) == set(projection.WAYS)
    assert set(distribution.OF) == set(figures.OF)
    assert options["sample"].default == SAMPLE


def test_features_are_drawn_among_the_results(invoke, toys):
    done = invoke("distribution", *RUN, *toys, "--sample", "10")
    assert done.exit_code == 0, done.stderr
    path = Path(done.stdout.splitlines()[-1].removeprefix("figure "))
    assert path.parent == Path("results/toys")
    assert path.name.startswith("distribution-tsne-toy+toy-")
    drawn = path.read_text()
    assert ">toy+toy: toys v1 (synthetic images), seed 0<" in drawn
    assert ">toy:a train, translated (10)<" in drawn
    assert "of 10 of 24, 10 of 24, 10 of 24 images; Gaussian kernel of bandwidth" in done.stdout
    assert "halves of toy:b train" in done.stdout
    assert "compare distributions of features; on cpu" in done.stderr


def test_the_record_has_the_numbers_of_the_figure(invoke, toys):
    args = ("distribution", *RUN, *toys, "--by", "pca", "-o", "a.svg", "--json")
    done = invoke(*args)
    record = json.loads(done.stdout)
    assert record["figure"] == "a.svg"
    assert record["projection"] == "principal components"
    assert record["sets"]["before"] == {"name": "toy:a train", "images": 24, "sampled": 24}
    drawn = Path("a.svg").read_text()
    for key, name in (("mmd2", "MMD²"), ("frechet", "Fréchet distance")):
        before, after, floor = (record[n][key] for n in ("before", "after", "floor"))
        assert f">{name} {before:.3g} → {after:.3g} ({floor:.3g})<" in drawn
    assert invoke(*args).stdout == done.stdout


def test_the_same_again_computes_nothing_and_draws_the_same_bytes(invoke, toys):
    for name in ("a.svg", "b.svg"):
        done = invoke("distribution", *RUN, *toys, "-o", name)
        assert done.exit_code == 0, done.stderr
    assert "train toy" not in done.stderr
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()


@pytest.mark.parametrize("way", [("--of", "target"), ("--direction", "target-to-source")])
def test_test_images_are_shown_on_their_way_to_the_source(invoke, toys, way):
    done = invoke("distribution", *RUN, *toys, *way, "--by", "pca", "-o", "a.svg", "--json")
    sets = json.loads(done.stdout)["sets"]
    assert sets["real"]["name"] == "toy:a train"
    assert sets["after"]["name"] == "toy:b query and gallery, translated"


def test_another_seed_is_another_run(invoke, toys):
    both = [
        invoke("distribution", *RUN, *toys, "--seed", n, "--by", "pca", "-o", "a.svg", "--json")
        for n in (0, 1)
    ]
    first, second = (json.loads(done.stdout) for done in both)
    assert (first["seed"], second["seed"]) == (0, 1)
    assert first["after"] != second["after"]


def test_transforms_are_drawn_and_told(invoke, toys):
    args = ("--translator", "moving", "--learner", "toy", *toys, "--set", "rendering.codes=2")
    done = invoke("transforms", *args)
    assert done.exit_code == 0, done.stderr
    path = Path(done.stdout.splitlines()[-1].removeprefix("figure "))
    assert path.parent == Path("results/toys")
    assert ">h13<" in path.read_text()
    assert "24 images, 2 translations of each" in done.stdout
    row = next(line for line in done.stdout.splitlines() if line.split()[:1] == ["h23"])
    assert row.split() == ["h23", "-0.5000", "0.0000", "-0.5000", "-0.5000"]
    record = json.loads(invoke("transforms", *args, "-o", "a.pdf", "--json").stdout)
    assert record["figure"] == "a.pdf"
    assert Path("a.pdf").read_bytes().startswith(b"%PDF")
    assert record["images"] == 48
    assert record["corner_displacements"]["upper left"]["min"] >= 0.5


@pytest.mark.parametrize("verb", ["distribution", "transforms"])
@pytest.mark.parametrize(
    ("args", "error"),
    [
        ([], "name what to run"),
        ([*RUN, "-o", "a.gif"], "a figure ends in .svg, .pdf, .png, not 'a.gif'"),
        (["--translator", "toi"], "did you mean 'toy'?"),
        (["--method", "direct", "--learner", "toy"], "translates nothing; name a --translator"),
    ],
)
def test_what_cannot_be_drawn_is_one_error_before_anything_is_computed(
    invoke, toys, verb, args, error
):
    done = invoke(verb, *args, *toys)
    assert done.exit_code == 2
    assert error in done.stderr
    assert not Path("cache").exists()


def test_a_translator_that_moves_nothing_has_no_transforms(invoke, toys):
    done = invoke("transforms", *RUN, *toys)
    assert done.exit_code == 2
    assert "translator 'toy' moves no pixels: it has no spatial transforms" in done.stderr
    assert not Path("cache").exists()


def test_a_missing_library_is_told_before_anything_is_computed(invoke, toys, monkeypatch):
    for module in ("sklearn", "sklearn.decomposition"):
        monkeypatch.setitem(sys.modules, module, None)
    done = invoke("distribution", *RUN, *toys)
    assert done.exit_code == 2
    assert "pip install 'reidbench[analysis]'" in done.stderr
    assert not Path("cache").exists()


def test_too_small_a_sample_is_refused(invoke, toys):
    assert "9 is not in the range" in invoke("distribution", *RUN, *toys, "--sample", 9).stderr
