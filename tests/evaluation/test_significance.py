"""Significance: answers known beforehand."""

from __future__ import annotations

import itertools
from typing import get_args

import numpy as np
import pytest

from reidbench.errors import UsageError
from reidbench.evaluation import Scores
from reidbench.evaluation import significance as module
from reidbench.evaluation.significance import (
    Measure,
    blocked_t,
    bootstrap_interval,
    paired_t,
    per_query,
    randomisation_test,
)
from reidbench.results.measures import MEASURES


def scores(pids, ranks):
    """Return the scores of queries with one match each, at these ranks; 0 is none."""
    found = [np.array([r] if r else [], np.int64) for r in ranks]
    return Scores.from_ranks(np.array(pids), found, 100, "stable")


def gains(first, second, measure="mAP"):
    """Return the gains over the valid queries, and whose queries they are."""
    both = per_query(first, measure) - per_query(second, measure)
    return both[first.valid], first.pid[first.valid]


def test_a_result_does_not_differ_from_itself():
    one = scores(range(30), range(1, 31))
    same = gains(one, one)
    assert bootstrap_interval(*same) == (0, 0)
    assert randomisation_test(*same) == 1


def test_difference_is_that_of_the_measure_over_valid_queries():
    first, second = scores([1, 1, 2, 3], [1, 2, 0, 4]), scores([1, 1, 2, 3], [2, 2, 0, 8])
    found, persons = gains(first, second)
    assert found.mean() == pytest.approx(first.mean_ap - second.mean_ap)
    assert (len(found), len(set(persons))) == (3, 2)
    rank1 = gains(first, second, "rank1")[0].mean()
    assert rank1 == pytest.approx(first.rank(1) - second.rank(1))
    for measure, difference in {"mINP": 0.5 + 1 / 8, "mAP_trapezoid": 0.75 + 1 / 16}.items():
        assert gains(first, second, measure)[0].mean() == pytest.approx(difference / 3)


def test_a_query_without_a_match_is_not_counted_as_found():
    one = scores([1, 2], [1, 0])
    assert per_query(one, "rank20")[one.valid].tolist() == [1]


def test_a_large_difference_is_significant_and_swapping_mirrors_it():
    pids = np.repeat(np.arange(50), 3)
    rng = np.random.default_rng(0)
    good, bad = scores(pids, rng.integers(1, 4, 150)), scores(pids, rng.integers(4, 40, 150))
    there, back = gains(good, bad), gains(bad, good)
    low, high = bootstrap_interval(*there)
    assert low > 0
    assert randomisation_test(*there) == pytest.approx(1 / 10_001)
    assert bootstrap_interval(*back) == pytest.approx((-high, -low))
    assert randomisation_test(*back) == randomisation_test(*there)


def test_randomisation_equals_all_swaps():
    gains = np.array([0.4, 0.3, -0.1, 0.25, 0.05, 0.3, 0.2])
    sums = [abs(np.dot(s, gains)) for s in itertools.product([1, -1], repeat=7)]
    exact = np.mean(np.array(sums) >= gains.sum() - 1e-9)
    got = randomisation_test(gains, np.arange(7), samples=40_000)
    assert got == pytest.approx(exact, abs=0.003)


def test_randomisation_keeps_a_person_whole():
    gains, persons = np.full(40, 0.1), np.repeat([1, 2], 20)
    assert randomisation_test(gains, persons) == pytest.approx(0.5, abs=0.02)
    assert randomisation_test(gains, np.arange(40)) < 0.001


def test_bootstrap_of_two_persons_by_hand():
    """Of the draws of two persons a quarter is twice the first, half is mixed."""
    gains, persons = np.array([1.0, 0, 0, 0]), np.array([5, 9, 9, 9])
    assert bootstrap_interval(gains, persons, level=0.9) == (0.0, 1.0)
    assert bootstrap_interval(gains, persons, level=0.4) == (0.25, 0.25)


def test_bootstrap_covers_as_the_normal_interval_does():
    gains = np.random.default_rng(1).normal(0.2, 1, 400)
    low, high = bootstrap_interval(gains, np.arange(400))
    half = 1.96 * gains.std() / 20
    assert (low, high) == pytest.approx((gains.mean() - half, gains.mean() + half), abs=0.01)


def test_dependent_queries_widen_the_interval():
    gains = np.repeat(np.random.default_rng(2).normal(0, 1, 60), 10)
    widths = [
        np.diff(bootstrap_interval(gains, persons))[0]
        for persons in (np.repeat(np.arange(60), 10), np.arange(600))
    ]
    assert widths[0] == pytest.approx(widths[1] * np.sqrt(10), rel=0.1)


def test_same_seed_same_answer_whatever_the_batch(monkeypatch):
    gains = np.random.default_rng(3).normal(0.05, 1, 90)
    persons = np.repeat(np.arange(30), 3)

    def answers():
        return bootstrap_interval(gains, persons), randomisation_test(gains, persons)

    whole = answers()
    monkeypatch.setattr(module, "BATCH", 1000)
    assert answers() == whole


def test_unknown_measure():
    with pytest.raises(UsageError, match="no measure 'mAp'; did you mean 'mAP'"):
        per_query(scores([1, 2], [1, 2]), "mAp")


def test_measures_of_a_query_are_those_that_results_tell():
    assert get_args(Measure) == MEASURES


def test_blocks_of_two_rows_are_the_paired_t():
    values = np.random.default_rng(0).normal(size=(2, 4))
    assert blocked_t(values) == pytest.approx(paired_t((values[0] - values[1]).tolist()))
    assert blocked_t(np.array([[0.5, 0.6], [0.4, 0.5]])) == pytest.approx((0.1, 0.1, 0))
    assert blocked_t(np.full((3, 2), 0.4)) == (0, 0, 1)


def test_a_shift_of_a_seed_or_of_another_row_changes_nothing():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(5, 3))
    shifted = values + rng.normal(size=3) + np.array([0, 0, 4, 5, 6])[:, None]
    assert blocked_t(shifted) == pytest.approx(blocked_t(values))


def test_the_interval_of_blocks_holds_the_true_difference_as_often_as_it_says():
    rng = np.random.default_rng(2)
    drawn = rng.normal(size=(2000, 7, 3)) + 3 * rng.normal(size=(2000, 1, 3))
    ends = np.array([blocked_t(values)[:2] for values in drawn])
    assert ((ends[:, 0] < 0) & (ends[:, 1] > 0)).mean() == pytest.approx(0.95, abs=0.015)
    alone = np.array([blocked_t(values[:2])[:2] for values in drawn])
    assert np.diff(ends).mean() < 0.6 * np.diff(alone).mean()
