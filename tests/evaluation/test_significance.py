"""Significance: answers known beforehand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation import Scores, compare
from reidbench.evaluation import significance as module
from reidbench.evaluation.significance import bootstrap_interval, randomisation_test


def scores(pids, ranks):
    """Return the scores of queries with one match each, at these ranks; 0 is none."""
    found = [np.array([r] if r else [], np.int64) for r in ranks]
    return Scores.from_ranks(np.array(pids), found, 100, "stable")


def test_a_result_does_not_differ_from_itself():
    one = scores(range(30), range(1, 31))
    same = compare(one, one)
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, 1)


def test_difference_is_that_of_the_measure_over_valid_queries():
    first, second = scores([1, 1, 2, 3], [1, 2, 0, 4]), scores([1, 1, 2, 3], [2, 2, 0, 8])
    got = compare(first, second, samples=100)
    assert got.difference == pytest.approx(first.mean_ap - second.mean_ap)
    assert (got.queries, got.persons) == (3, 2)
    rank1 = compare(first, second, "rank1", samples=100)
    assert rank1.difference == pytest.approx(first.rank(1) - second.rank(1))
    for measure, difference in {"mINP": 0.5 + 1 / 8, "mAP_trapezoid": 0.75 + 1 / 16}.items():
        got = compare(first, second, measure, samples=100)
        assert got.difference == pytest.approx(difference / 3)


def test_a_query_without_a_match_is_not_counted_as_found():
    first, second = scores([1, 2], [1, 0]), scores([1, 2], [1, 0])
    assert compare(first, second, "rank20", samples=10).queries == 1


def test_a_large_difference_is_significant_and_swapping_mirrors_it():
    pids = np.repeat(np.arange(50), 3)
    rng = np.random.default_rng(0)
    good, bad = scores(pids, rng.integers(1, 4, 150)), scores(pids, rng.integers(4, 40, 150))
    there, back = compare(good, bad), compare(bad, good)
    assert there.low > 0
    assert there.p_value == pytest.approx(1 / 10_001)
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
    assert back.p_value == there.p_value


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


@pytest.mark.parametrize(
    "other", [scores([1, 2], [1, 2]), scores([1, 2, 4], [1, 2, 3]), scores([1, 2, 3], [1, 2, 0])]
)
def test_different_queries_cannot_be_paired(other):
    with pytest.raises(ReidbenchError, match="not of the same queries"):
        compare(scores([1, 2, 3], [1, 2, 3]), other)


def test_unknown_measure():
    one = scores([1, 2], [1, 2])
    with pytest.raises(UsageError, match="no measure 'mAp'; did you mean 'mAP'"):
        compare(one, one, "mAp")
