"""Comparisons: against computations of their own, and of things that are not alike."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation import Scores, Trials
from reidbench.evaluation.significance import paired_t
from reidbench.results.compared_methods import find
from reidbench.results.comparison import Difference, contrast
from reidbench.results.measures import COMPARED
from tests.made_results import make_result


def scored(pids, ranks, gallery=100, ties="stable"):
    """Return the scores of queries with one match each, at these ranks; 0 is none."""
    found = [np.array([r] if r else [], np.int64) for r in ranks]
    return Scores.from_ranks(np.array(pids), found, gallery, ties)


def result(scores, seed=0, **how):
    return replace(make_result(seed=seed, **how), scores=scores.to_dict())


PIDS = np.repeat(np.arange(8), 3)


def random_scores(seed, worst=30, pids=PIDS):
    return scored(pids, np.random.default_rng(seed).integers(1, worst, len(pids)))


@pytest.fixture
def results(tmp_path):
    """Three seeds of two recipes; "spgan" ranks the matches higher."""
    for seed in range(3):
        result(random_scores(seed, 10), seed, recipe="spgan").save(tmp_path)
        result(random_scores(seed + 20), seed, recipe="cyclegan").save(tmp_path)
    return tmp_path


def compared(results, first="spgan", second="cyclegan", **how):
    sides = (find(str(text), results, "synthetic") for text in (first, second))
    return contrast(*sides, **how)


def test_means_and_differences_are_those_of_the_results(results):
    found = compared(results, samples=100)
    assert list(found.measures) == list(COMPARED)
    assert (found.queries, found.persons) == (24, 8)
    for name, measure in found.measures.items():
        values = [
            [s.measures()[name] for s in (random_scores(seed, 10), random_scores(seed + 20))]
            for seed in range(3)
        ]
        first, second = np.transpose(values)
        assert (measure.first.mean, measure.first.sd) == pytest.approx(
            (first.mean(), first.std(ddof=1))
        )
        assert measure.second.mean == pytest.approx(second.mean())
        assert measure.difference.sd == pytest.approx((first - second).std(ddof=1))
        assert measure.over_queries.difference == pytest.approx((first - second).mean())
        by_seed = [(one.seeds, one.over_queries.difference) for one in measure.by_seed]
        assert [s for s, _ in by_seed] == [(0, 0), (1, 1), (2, 2)]
        assert [d for _, d in by_seed] == pytest.approx(list(first - second))


def test_over_seeds_is_the_paired_t_test(results):
    for name, measure in compared(results, samples=100).measures.items():
        first = [random_scores(seed, 10).measures()[name] for seed in range(3)]
        second = [random_scores(seed + 20).measures()[name] for seed in range(3)]
        reference = scipy.stats.ttest_rel(first, second)
        ends = reference.confidence_interval(0.95)
        got = measure.over_seeds
        assert (got.low, got.high) == pytest.approx((ends.low, ends.high))
        assert got.p_value == pytest.approx(reference.pvalue)


def test_over_queries_is_all_resamples_and_all_swaps_of_persons(tmp_path):
    """Of 4 persons there are 4^4 resamples and 2^4 swaps: few enough to take each once."""
    pids = np.array([1, 1, 1, 2, 3, 3, 4, 4])
    sides = [random_scores(seed, worst, pids) for seed, worst in ((3, 10), (4, 20))]
    for name, scores in zip("ab", sides, strict=True):
        (tmp_path / f"{name}.json").write_text(json.dumps(scores.to_dict()))
    found = compared(tmp_path, tmp_path / "a.json", tmp_path / "b.json", samples=40_000)
    gains = sides[0].ap - sides[1].ap
    groups = [gains[pids == p] for p in (1, 2, 3, 4)]
    means = [np.concatenate(drawn).mean() for drawn in itertools.product(groups, repeat=4)]
    sums = [abs(sum(s * g.sum() for s, g in zip(signs, groups, strict=True)))
            for signs in itertools.product((1, -1), repeat=4)]  # fmt: skip
    got = found.measures["mAP"].over_queries
    assert (got.low, got.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.01)
    assert got.p_value == pytest.approx(
        np.mean(np.array(sums) >= abs(gains.sum()) - 1e-9), abs=0.01
    )
    assert found.measures["mAP"].over_seeds is None


def test_the_mean_over_seeds_is_taken_query_by_query(tmp_path):
    """Gains that differ in sign from seed to seed cancel in each query: nothing is left."""
    good, bad = random_scores(1, 5), random_scores(2, 50)
    for seed, (first, second) in enumerate([(good, bad), (bad, good)]):
        result(first, seed, recipe="a").save(tmp_path)
        result(second, seed, recipe="b").save(tmp_path)
    measure = compared(tmp_path, "a", "b", samples=500).measures["mAP"]
    pooled = measure.over_queries
    assert (pooled.low, pooled.high) == pytest.approx((0, 0), abs=1e-12)
    assert not measure.over_seeds.shown
    assert [one.over_queries.shown for one in measure.by_seed] == [True, True]


def test_a_result_does_not_differ_from_itself(results):
    found = compared(results, "spgan", "spgan", samples=200)
    for measure in found.measures.values():
        for one in (measure.over_queries, measure.over_seeds):
            assert (one.difference, one.low, one.high, one.p_value) == (0, 0, 0, 1)
            assert not one.shown


def test_swapping_the_sides_mirrors_everything(results):
    there, back = compared(results), compared(results, "cyclegan", "spgan")
    for name, one in there.measures.items():
        for key in ("over_queries", "over_seeds"):
            a, b = getattr(one, key), getattr(back.measures[name], key)
            assert (a.low, a.high, a.p_value) == pytest.approx((-b.high, -b.low, b.p_value))


def test_same_seed_same_answer(results):
    found = compared(results, samples=300, seed=5).to_dict()
    assert found == compared(results, samples=300, seed=5).to_dict()
    assert found["measures"] != compared(results, samples=300, seed=6).to_dict()["measures"]


def test_splits_stand_end_to_end_and_weigh_the_same(tmp_path):
    """Two splits of 2 and 6 queries: the mean is that of the splits; a person is in both."""
    small, large = np.array([1, 2]), np.array([1, 1, 3, 4, 5, 6])
    sides = [
        Trials((random_scores(seed, 9, small), random_scores(seed + 1, 9, large)))
        for seed in (10, 20)
    ]
    for recipe, trials in zip("ab", sides, strict=True):
        result(trials, recipe=recipe).save(tmp_path)
    found = compared(tmp_path, "a", "b", samples=100)
    assert (found.queries, found.persons) == (8, 6)
    for name, measure in found.measures.items():
        first, second = (t.measures()[name].mean for t in sides)
        assert (measure.first.mean, measure.second.mean) == pytest.approx((first, second))
        assert measure.over_queries.difference == pytest.approx(first - second)


def test_resamples_and_swaps_of_splits_that_differ_in_size(tmp_path):
    """One query in a split of its own weighs as much as the three of the other together."""
    ranks = {"a": ([1], [9, 5, 4]), "b": ([2], [2, 3, 4])}
    for recipe, (one, three) in ranks.items():
        result(Trials((scored([1], one), scored([2, 3, 4], three))), recipe=recipe).save(tmp_path)
    got = compared(tmp_path, "a", "b", samples=40_000).measures["mAP"].over_queries
    gains = np.array([1 - 1 / 2, 1 / 9 - 1 / 2, 1 / 5 - 1 / 3, 0])
    weights = np.array([1 / 2, 1 / 6, 1 / 6, 1 / 6])
    draws = np.array(list(itertools.product(range(4), repeat=4)))
    means = (gains * weights)[draws].sum(axis=1) / weights[draws].sum(axis=1)
    assert (got.low, got.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.01)
    signs = np.array(list(itertools.product((1, -1), repeat=4)))
    reached = np.abs(signs @ (gains * weights)) >= abs(gains @ weights) - 1e-9
    assert got.difference == pytest.approx(gains @ weights)
    assert got.p_value == pytest.approx(reached.mean(), abs=0.01)


def test_a_constant_gain_is_certain_whatever_the_splits_weigh(tmp_path):
    small, large = np.array([1, 2]), np.arange(3, 12)
    for recipe, rank in (("a", 2), ("b", 4)):
        parts = (scored(small, [rank] * 2), scored(large, [rank] * 9))
        result(Trials(parts), recipe=recipe).save(tmp_path)
    got = compared(tmp_path, "a", "b", samples=200).measures["mAP"].over_queries
    assert (got.low, got.high) == pytest.approx((0.25, 0.25))


def test_paired_t_without_spread():
    assert paired_t([0.1, 0.1]) == (0.1, 0.1, 0)
    assert paired_t([0.0, 0.0]) == (0, 0, 1)
    assert paired_t([1e-17, -3e-17])[2] == 1


def test_what_differs_by_rounding_is_not_shown():
    assert not Difference(1e-17, 1e-17, 2e-17, 0.01).shown
    assert Difference(-0.2, -0.3, -0.1, 0.01).shown
    assert not Difference(0.2, -0.1, 0.5, 0.4).shown


def test_seeds_without_a_counterpart_are_left_out_and_told(results):
    result(random_scores(5), 7, recipe="spgan").save(results)
    found = compared(results, samples=100)
    assert found.measures["mAP"].difference.n == 3
    assert "Seed 7 of spgan has no counterpart." in found.notes
    assert any(note.startswith("3 seeds alone decide little") for note in found.notes)
    assert any(note.startswith("With 8 persons") for note in found.notes)


def test_files_of_different_seeds_are_compared_as_single_models(results):
    files = sorted(results.glob("synthetic/*.json"))
    found = compared(results, files[0], files[-1], samples=100)
    assert [one.seeds for one in found.measures["mAP"].by_seed] == [(0, 2)]
    assert any(note.startswith("One model each") for note in found.notes)


def test_no_seed_in_common(results):
    result(random_scores(1), 8, recipe="late").save(results)
    with pytest.raises(ReidbenchError, match="no seed in common: seeds 0, 1, 2 and seed 8"):
        compared(results, "spgan", "late")


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"version": 2}, "differ in benchmark, synthetic version 1"),
        ({"digest": "e" * 16}, "differ in benchmark"),
        ({"target": {"name": "synthetic", "fingerprint": "c" * 32}}, "differ in target"),
        ({"protocol": {"name": "market1501", "version": 2}}, "market1501 version 2"),
        (
            {"protocol": {"name": "market1501", "version": 1, "parameters": {"repeats": 3}}},
            r'against market1501 version 1 with \{"repeats":3\}',
        ),
    ],
)
def test_unlike_settings_are_refused(tmp_path, other, error):
    ours = result(random_scores(1)).save(tmp_path / "a")
    base = result(random_scores(1))
    theirs = replace(base, benchmark={**base.benchmark, **other}).save(tmp_path / "b")
    with pytest.raises(ReidbenchError, match=error):
        compared(tmp_path, ours, theirs)


@pytest.mark.parametrize(
    ("other", "error"),
    [
        (scored(PIDS[::-1], PIDS + 1), "differ in queries"),
        (scored(PIDS[:-1], PIDS[:-1] + 1), "differ in queries, 24 with a match of 8 persons"),
        (scored(PIDS, PIDS), "differ in queries"),
        (scored(PIDS, PIDS + 1, gallery=99), "differ in gallery, 100 images against 99"),
        (scored(PIDS, PIDS + 1, ties="pessimistic"), "differ in rule of ties"),
    ],
)
def test_unlike_queries_are_refused(tmp_path, other, error):
    ours = result(scored(PIDS, PIDS + 1)).save(tmp_path / "a")
    theirs = tmp_path / "theirs.json"
    theirs.write_text(json.dumps(other.to_dict()))
    with pytest.raises(ReidbenchError, match=error):
        compared(tmp_path, ours, theirs)


def test_what_may_differ_is_told(tmp_path):
    ours = result(random_scores(1), precision="bf16").save(tmp_path / "a")
    changed = {"modified": {"sianet.margin": 1}, "provenance": "ImageNet", "labels": True}
    theirs = result(random_scores(2), **changed).save(tmp_path / "b")
    notes = compared(tmp_path, ours, theirs, samples=100).notes
    for told in (
        "precision: A has bf16, B has float32",
        "values set by hand: A has none, B has sianet.margin=1",
        "initial weights: A has random initialisation, B has ImageNet",
        "target data used: A has images, B has images, labels",
    ):
        assert f"They differ in {told}." in notes


def test_a_name_prefers_what_is_untouched(results):
    result(random_scores(3), recipe="spgan", modified={"sianet.margin": 1}).save(results)
    assert find("spgan", results, "synthetic").seeds == (0, 1, 2)


def test_a_name_with_several_meanings_lists_the_files(results):
    path = result(random_scores(3), recipe="spgan", precision="bf16").save(results)
    with pytest.raises(UsageError, match=rf"unequal results on synthetic: .*{path.name}") as raised:
        find("spgan", results, "synthetic")
    for seed in range(3):
        assert f"-seed{seed}.json" in str(raised.value)
    digits = path.name.removesuffix("-seed0.json")
    assert find(digits, results, "synthetic").remarks["precision"] == "bf16"


def test_copies_count_once_unless_they_differ(results):
    path = next(results.glob("synthetic/spgan*seed1.json"))
    (results / "synthetic" / "copy.json").write_bytes(path.read_bytes())
    assert find("spgan", results, "synthetic").seeds == (0, 1, 2)
    other = result(random_scores(77), 1, recipe="spgan").to_dict()
    (results / "synthetic" / "copy.json").write_text(json.dumps(other))
    with pytest.raises(ReidbenchError, match="seed 1 of 'spgan' scored differently in two files"):
        find("spgan", results, "synthetic")


def test_seeds_of_other_queries(results):
    result(scored(PIDS, PIDS), 1, recipe="spgan").save(results)
    with pytest.raises(ReidbenchError, match="seeds of 'spgan' are not of the same queries"):
        find("spgan", results, "synthetic")


@pytest.mark.parametrize(
    ("name", "setting", "error"),
    [
        ("spgam", "synthetic", "no recipe with results on synthetic; did you mean 'spgan'?"),
        ("spgan", "sinthetic", "no results of benchmark 'sinthetic'.*did you mean 'synthetic'?"),
    ],
)
def test_unknown_names(results, name, setting, error):
    with pytest.raises(UsageError, match=error):
        find(name, results, setting)


def lacking(**changes):
    return {**scored(PIDS, PIDS + 1).to_dict(), **changes}


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("{", "Expecting property name"),
        ("[1]", "not a result of reidbench"),
        (json.dumps({"schema": 1}), "'reidbench' is missing"),
        (json.dumps(lacking(per_query={"pid": [1]})), "values of each query"),
        (json.dumps(lacking(per_query=3)), "values of each query"),
        (json.dumps(lacking(splits=[])), "values of each query"),
        (json.dumps(lacking(splits=[1])), "values of each query"),
        (
            json.dumps(lacking(per_query=lacking()["per_query"] | {"ap": [None] * 24})),
            "lack their values",
        ),
        (json.dumps(lacking(evaluation=[])), r"'evaluation' must be a table, not \[\]"),
        (
            json.dumps(lacking(evaluation={"protocol": 3})),
            "'evaluation.protocol' must be a table, not 3",
        ),
    ],
)
def test_a_file_that_is_neither(tmp_path, content, error):
    path = tmp_path / "scores.json"
    path.write_text(content)
    with pytest.raises(
        ReidbenchError, match=rf"scores\.json(:| is not a result or a file of scores:) .*{error}"
    ):
        find(str(path), tmp_path, "synthetic")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ReidbenchError, match=r"cannot read .*gone\.json"):
        find(str(tmp_path / "gone.json"), tmp_path, "synthetic")


def test_a_result_that_another_version_made_without_values_of_queries(tmp_path):
    path = make_result().save(tmp_path)
    with pytest.raises(ReidbenchError, match="values of each query are not there"):
        find(str(path), tmp_path, "synthetic")
