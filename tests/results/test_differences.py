from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from reidbench.evaluation.significance import holm, paired_t, pairwise_t
from reidbench.results.differences import Gain, not_told_apart, told_apart
from reidbench.results.leaderboard import Row, build
from reidbench.results.leaderboard_tables import difference_rows, markdown
from reidbench.results.words import in_words
from tests.made_results import make_seeds
from tests.results.test_gap import direct, made, perfect


def test_holm_corrects_step_by_step_and_never_reverses_the_order():
    found = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert found.tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.6, 0.7])).tolist() == [1.0, 1.0]
    assert holm(np.array([])).tolist() == []


def test_the_p_values_of_pairs_are_those_of_each_paired_t():
    values = np.random.default_rng(0).random((4, 5))
    found = pairwise_t(values)
    for i in range(4):
        for j in range(4):
            expected = 1.0 if i == j else stats.ttest_rel(values[i], values[j]).pvalue
            assert found[i, j] == pytest.approx(expected)
    same = pairwise_t(np.array([[0.1, 0.2], [0.1, 0.2], [0.2, 0.3]]))
    assert same.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_letters_stand_at_the_longest_runs_that_no_test_tells_apart():
    near = [[0.50, 0.52, 0.51, 0.53], [0.51, 0.50, 0.53, 0.51]]
    far = [[0.10, 0.11, 0.12, 0.11]]
    assert not_told_apart([*near, *far]) == ["a", "a", "b"]


def test_a_recipe_between_two_that_differ_is_in_both_groups():
    first, last = [0.60, 0.61, 0.60, 0.61], [0.50, 0.51, 0.51, 0.50]
    between = [0.45, 0.65, 0.50, 0.62]
    assert not_told_apart([first, between, last]) == ["a", "a b", "b"]


def test_one_seed_tells_nothing_apart():
    assert not_told_apart([[0.9], [0.1]]) == ["", ""]
    assert not_told_apart([[0.9, 0.8]]) == [""]


def test_pairs_are_told_apart_in_the_order_of_the_upper_triangle():
    scores = np.array([[0.50, 0.51, 0.50], [0.505, 0.507, 0.503], [0.1, 0.11, 0.1]])
    assert told_apart(scores).tolist() == [False, True, True]
    assert told_apart(scores[:, :1]).tolist() == [False, False, False]


def test_more_recipes_than_a_correction_leaves_anything_of_are_not_tested(monkeypatch):
    scores = [[0.50, 0.52, 0.51], [0.20, 0.21, 0.22], [0.10, 0.11, 0.12]]
    assert not_told_apart(scores) != ["", "", ""]
    monkeypatch.setattr("reidbench.results.differences.MOST", 2)
    monkeypatch.setattr("reidbench.results.leaderboard_tables.MOST", 2)
    assert not_told_apart(scores) == ["", "", ""]
    assert not told_apart(np.array(scores)).any()
    results = [direct(0.1), *(made(0.5, 0, name) for name in ("first", "second"))]
    results = [replace(r, benchmark={**r.benchmark, "seeds": [0]}) for r in results]
    assert "recipes are not tested in pairs" in markdown(build(results))
    assert "recipes are not tested in pairs" not in markdown(build(results[:2]))


def rows(*results: Any) -> dict[str, Row]:
    (board,) = build([r for group in results for r in group]).boards
    return {row.entry.recipe: row for row in board.rows}


def test_the_gain_is_paired_by_seed_with_the_interval_of_paired_t():
    low, high, other = (0.10, 0.20, 0.15), (0.50, 0.61, 0.52), (0.2, 0.35, 0.21)
    found = rows(
        [direct(v, seed) for seed, v in enumerate(low)],
        [made(v, seed) for seed, v in enumerate(high)],
        [made(v, seed, "other") for seed, v in enumerate(other)],
    )
    first, second = (paired_t([a - b for a, b in zip(v, low, strict=True)]) for v in (high, other))
    gain = found["spgan"].gain
    assert gain is not None
    assert gain.mean == pytest.approx(sum(high) / 3 - sum(low) / 3)
    assert (gain.low, gain.high) == pytest.approx(first[:2])
    assert gain.p_value == pytest.approx(2 * first[2])
    assert found["other"].gain.p_value == pytest.approx(max(second[2], 2 * first[2]))
    assert found["direct"].gain is None


def test_a_learner_that_was_not_measured_on_the_source_has_no_gain():
    found = rows(make_seeds([0.5, 0.6, 0.7]), make_seeds([0.1] * 3, recipe="other"))
    assert [row.gain for row in found.values()] == [None, None]


def test_the_gain_of_one_seed_has_no_interval():
    results = [
        replace(r, benchmark={**r.benchmark, "seeds": [0]}) for r in (direct(0.25), made(0.75))
    ]
    assert rows(results)["spgan"].gain == Gain(0.5)
    (board,) = build(results).boards
    assert difference_rows(board)[0] == ["spgan", "75.0", "+50.0", "-", "-", ""]


def test_a_ceiling_is_in_no_group_and_makes_no_pair():
    found = rows(
        [direct(v, seed) for seed, v in enumerate((0.1, 0.2, 0.3))],
        [made(v, seed) for seed, v in enumerate((0.5, 0.62, 0.73))],
        [perfect(v, seed) for seed, v in enumerate((0.9, 0.93, 0.91))],
    )
    assert found["perfect"].groups == ""
    assert found["perfect"].gain is not None
    assert (found["spgan"].groups, found["direct"].groups) == ("a", "b")


def test_the_page_has_the_differences_where_there_are_any():
    results = [
        *(direct(v, seed) for seed, v in enumerate((0.1, 0.2, 0.3))),
        *(made(v, seed) for seed, v in enumerate((0.5, 0.62, 0.73))),
    ]
    table = markdown(build(results)).split("### Differences")[1]
    assert "| spgan | 61.7 ± 11.5 | +41.7 | +37.9 to +45.5 |" in table
    assert "### Differences" not in markdown(build(make_seeds([0.5] * 3)))
    assert not any(math.isnan(row.entry.measures["mAP"].mean) for row in rows(results).values())


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (
            {
                "translator": {"name": "cyclegan"},
                "constraints": [{"name": "sianet"}, {"name": "mask"}],
                "learner": {"name": "ide"},
                "strategy": "finetune",
            },
            "cyclegan with sianet and mask; ide, fine-tuned on the translated images",
        ),
        (
            {"translator": None, "learner": {"name": "ide"}, "strategy": "source"},
            "ide, learned from the source",
        ),
        (
            {
                "translator": {"name": "cyclegan"},
                "learner": {"name": "ide"},
                "strategy": "source",
                "direction": "target-to-source",
            },
            "cyclegan, of the test images; ide, learned from the source",
        ),
        ({"translator": 3, "constraints": "x", "strategy": "odd"}, "odd"),
        ({}, ""),
    ],
)
def test_a_recipe_in_words(recipe, words):
    assert in_words(recipe) == words
