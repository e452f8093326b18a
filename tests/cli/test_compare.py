from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from reidbench.evaluation import Features, Scores
from reidbench.evaluation.files import write_features
from tests.made_results import make_result

PIDS = np.repeat(np.arange(30), 2)


def random_scores(seed, worst):
    ranks = np.random.default_rng(seed).integers(1, worst, len(PIDS))
    return Scores.from_ranks(PIDS, list(ranks[:, None]), 100, "stable").to_dict()


@pytest.fixture
def results(tmp_path):
    """Three seeds: "good" is far ahead of "bad", and "alike" of nobody."""
    for recipe, worst, salt in (("good", 4, 0), ("bad", 60, 10), ("alike", 60, 30)):
        for seed in range(3):
            made = make_result(seed=seed, recipe=recipe)
            scores = random_scores(seed + salt, worst)
            replace(made, scores=scores).save(tmp_path / "results")
    return tmp_path / "results"


def test_both_ways_of_looking(invoke, results):
    result = invoke("compare", "good", "bad", "--results", results)
    assert result.exit_code == 0
    queries, seeds = result.stdout.split("Over 3 seeds")
    assert "60 with a match, of 30 persons" in queries
    assert [line.split()[1] for line in queries.splitlines() if "  seed " in line] == list(
        "012"
    ) * 4
    verdicts = [line for line in seeds.splitlines() if line.startswith("mAP: ")]
    assert len(verdicts) == 1
    assert verdicts[0].count("A is ahead by") == 2
    assert "3 seeds alone decide little" in result.stdout


def test_the_loser_may_stand_first(invoke, results):
    there = invoke("compare", "good", "bad", "--results", results).stdout
    back = invoke("compare", "bad", "good", "--results", results).stdout
    said = next(line for line in there.splitlines() if line.startswith("mAP: "))
    assert said.replace("A is", "B is") in back.splitlines()


def test_where_nothing_is_shown_it_says_so(invoke, results):
    result = invoke("compare", "alike", "bad", "--results", results)
    verdict = next(line for line in result.stdout.splitlines() if line.startswith("mAP: "))
    assert verdict.count("no difference shown at this size") == 2
    assert "ahead" not in verdict


def test_json(invoke, results):
    args = ("compare", "good", "bad", "--results", results, "--resamples", 200, "--seed", 4)
    record = json.loads(invoke(*args, "--json").stdout)
    assert record == json.loads(invoke(*args, "--json").stdout)
    assert (record["samples"], record["seed"], record["level"]) == (200, 4, 0.95)
    assert record["first"]["name"] == "good"
    assert record["second"]["seeds"] == [0, 1, 2]
    assert list(record["measures"]) == ["mAP", "mAP_trapezoid", "rank1", "mINP"]
    interval = {"difference", "low", "high", "p_value"}
    for measure in record["measures"].values():
        assert set(measure["over_queries"]) == set(measure["over_seeds"]) == interval
        assert set(measure["difference"]) == {"mean", "sd", "n"}
        assert [one["seeds"] for one in measure["by_seed"]] == [[0, 0], [1, 1], [2, 2]]
        assert set(measure["by_seed"][0]["over_queries"]) == interval


def made(rng, rows):
    features = rng.normal(size=(rows, 4)).astype(np.float32)
    return Features(features, rng.integers(1, 7, rows), rng.integers(1, 4, rows))


def test_scores_that_evaluate_wrote(invoke, tmp_path):
    rng = np.random.default_rng(0)
    query, gallery = made(rng, 20), made(rng, 60)
    order = rng.permutation(60)
    moved = Features(gallery.features[order], gallery.pids[order], gallery.cams[order])
    with_junk = Features(
        np.concatenate([moved.features, moved.features]),
        np.concatenate([moved.pids, np.full(60, -1)]),
        np.concatenate([moved.cams, moved.cams]),
    )
    for name, images in (("plain", gallery), ("moved", with_junk), ("other", made(rng, 60))):
        write_features(tmp_path / "f.npz", {"query": query, "gallery": images}, None, {})
        file = ("--features", tmp_path / "f.npz", "--output", tmp_path / f"{name}.json")
        assert invoke("evaluate", *file).exit_code == 0
    plain, moved_file, other = (tmp_path / f"{n}.json" for n in ("plain", "moved", "other"))
    alike = json.loads(invoke("compare", plain, moved_file, "--json").stdout)
    assert alike["measures"]["mAP"]["over_queries"]["difference"] == 0
    refused = invoke("compare", plain, other)
    assert refused.exit_code == 1
    assert "differ in gallery labels" in refused.stderr


def test_scores_of_an_earlier_version_compare_with_new_ones(invoke, tmp_path):
    rng = np.random.default_rng(0)
    sets = {role: made(rng, 200) for role in ("query", "gallery", "multi_query")}
    write_features(tmp_path / "f.npz", sets, None, {})
    multi = ("--multi-query", tmp_path / "f.npz", "--protocol", "multi-query")
    new, old = tmp_path / "new.json", tmp_path / "old.json"
    run = invoke("evaluate", "--features", tmp_path / "f.npz", *multi, "--output", new)
    assert run.exit_code == 0, run.stderr
    record = json.loads(new.read_text())
    labels = record["evaluation"]["labels"]
    labels["boxes"] = labels.pop("multi_query")  # the name that earlier versions wrote
    old.write_text(json.dumps(record))
    assert invoke("compare", new, old).exit_code == 0
    labels["boxes"] = "others"
    old.write_text(json.dumps(record))
    assert "differ in multi_query labels" in invoke("compare", new, old).stderr


def test_a_single_pair_has_no_table_over_seeds(invoke, results):
    files = sorted(results.glob("*/*-seed0.json"))
    result = invoke("compare", files[0], files[1])
    assert result.exit_code == 0
    assert "seeds:" not in result.stdout
    assert "One model each" in result.stdout


@pytest.mark.parametrize(
    ("args", "code", "error"),
    [
        (("good", "bda"), 2, "did you mean 'bad'?"),
        (("good", "bad", "--benchmark", "other"), 2, "no results of benchmark 'other'"),
        (("good", "gone.json"), 1, "cannot read gone.json"),
        (("good",), 2, "Missing argument 'B'"),
        (("good", "bad", "--resamples", "3"), 2, "is not in the range"),
    ],
)
def test_one_line_for_what_cannot_be_compared(invoke, results, args, code, error):
    result = invoke("compare", *args, "--results", results)
    assert result.exit_code == code
    assert error in result.stderr.splitlines()[0]


def test_markup_in_names_is_text(invoke, results):
    made = make_result(recipe="[bold]x", modified={"a.b": "[red]"})
    path = replace(made, scores=random_scores(1, 9)).save(results)
    result = invoke("compare", "[bold]x", path, "--results", results)
    assert result.exit_code == 0
    assert "[bold]x" in result.stdout
    assert 'a.b="[red]"' in result.stdout


@pytest.mark.parametrize(
    ("args", "heavy"),
    [
        (["compare", "good", "bad"], {"torch", "matplotlib", "pluggy", "scipy.stats"}),
        (["compare", "--help"], {"torch", "numpy", "rich", "pluggy"}),
        (["evaluate", "--help"], {"torch", "numpy", "rich", "pluggy"}),
    ],
)
def test_only_what_is_needed_is_imported(results, args, heavy):
    code = (
        "import sys\nfrom reidbench.cli import main\n"
        f"try:\n    main()\nexcept SystemExit:\n    print('HEAVY', set(sys.modules) & {heavy!r})"
    )
    command = [sys.executable, "-c", code, *args]
    done = subprocess.run(command, cwd=results.parent, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY set()"
