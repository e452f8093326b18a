"""Rank correlations against a count over pairs, and what drawing seeds again makes of them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from reidbench.evaluation.rank_correlation import (
    agreement_of_seeds,
    kendall,
    means,
    pair_signs,
    resampled_taus,
)


def counted(first, second):
    """Return tau-b by its definition, pair by pair."""
    agreeing, untied = 0, [0, 0]
    for i, j in itertools.combinations(range(len(first)), 2):
        a = int(first[i] > first[j]) - int(first[i] < first[j])
        b = int(second[i] > second[j]) - int(second[i] < second[j])
        agreeing += a * b
        untied[0] += a != 0
        untied[1] += b != 0
    return agreeing / math.sqrt(untied[0] * untied[1])


def column(values):
    return np.array(values, np.float64)[:, None]


@pytest.mark.parametrize(
    ("second", "tau"),
    [
        ([1, 2, 3, 4, 5], 1),
        ([5, 4, 3, 2, 1], -1),
        ([2, 1, 3, 4, 5], 0.8),
        ([2, 1, 4, 3, 5], 0.6),
        ([1, 1, 3, 4, 5], 9 / math.sqrt(90)),
    ],
)
def test_planted_orders_have_their_tau(second, tau):
    found = kendall(column([1, 2, 3, 4, 5]), column(second))
    assert found.tau == pytest.approx(tau)
    assert found.tau == pytest.approx(counted([1, 2, 3, 4, 5], second))


def test_the_p_value_is_the_share_of_permutations_that_are_as_much_alike():
    second = [2, 1, 3, 4, 5]
    all_orders = itertools.permutations(second)
    taus = [abs(counted([1, 2, 3, 4, 5], order)) for order in all_orders]
    share = sum(tau >= 0.8 - 1e-9 for tau in taus) / len(taus)
    assert kendall(column([1, 2, 3, 4, 5]), column(second)).p_value == pytest.approx(share)


def test_random_orders_with_ties_agree_with_the_count():
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = rng.integers(0, 5, (2, 7)).astype(np.float64)
        tau = kendall(column(first), column(second)).tau
        assert tau == pytest.approx(counted(first, second))
        drawn = resampled_taus(column(first), column(second))  # of one seed there is one draw
        assert drawn.taus == pytest.approx([tau])


def test_means_that_differ_by_rounding_alone_are_tied():
    values = np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0.1, 0.1, 0.1]])
    assert values[0].mean() != values[1].mean()
    assert pair_signs(means(values)).tolist() == [0, 1, 1]


def test_all_draws_of_three_seeds_are_taken_and_each_draw_is_of_all_methods():
    rng = np.random.default_rng(1)
    first, second = rng.random((4, 3)), rng.random((4, 3))
    found = resampled_taus(first, second)
    ways = list(itertools.product(range(3), repeat=3))
    expected = [
        counted(first[:, a].mean(axis=1), second[:, b].mean(axis=1)) for a in ways for b in ways
    ]
    assert found.every
    assert sorted(found.taus) == pytest.approx(sorted(expected))


def test_what_has_one_seed_stays_as_it_is():
    first = np.random.default_rng(2).random((4, 3))
    fixed = column([1, 2, 3, 4])
    found = resampled_taus(first, fixed)
    ways = itertools.product(range(3), repeat=3)
    expected = [counted(first[:, a].mean(axis=1), fixed[:, 0]) for a in ways]
    assert found.taus == pytest.approx(expected)


def test_seeds_that_lift_all_methods_alike_make_no_spread():
    """Drawn for each method by itself, they would: the seeds differ more than the methods."""
    first = np.array([0.1, 0.2, 0.3, 0.4])[:, None] + np.array([0.0, 5.0, 20.0])
    found = resampled_taus(first, first)
    assert found.taus == pytest.approx(np.ones(27 * 27))


def test_many_seeds_are_drawn_as_often_as_asked_and_repeat():
    rng = np.random.default_rng(3)
    first, second = rng.random((5, 6)), rng.random((5, 2))
    found = resampled_taus(first, second, samples=300, seed=4)
    assert (len(found.taus), found.every) == (300, False)
    again = resampled_taus(first, second, samples=300, seed=4)
    assert found.taus.tolist() == again.taus.tolist()
    other = resampled_taus(first, second, samples=300, seed=5)
    assert found.taus.tolist() != other.taus.tolist()


def test_draws_are_taken_in_parts_where_there_are_many_methods(monkeypatch):
    rng = np.random.default_rng(6)
    first, second = rng.random((5, 3)), rng.random((5, 3))
    whole = resampled_taus(first, second)
    monkeypatch.setattr("reidbench.evaluation.rank_correlation.BATCH", 5 * 5 * 100)
    assert resampled_taus(first, second).taus.tolist() == whole.taus.tolist()


def test_a_draw_that_ties_all_methods_agrees_with_nothing():
    first = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])  # each seed once: all have one mean
    found = resampled_taus(first, column([3, 2, 1]))
    assert sorted(found.taus.round(6)) == pytest.approx([-1 / 3, 0, 0, 1 / 3], abs=1e-6)


def test_the_agreement_of_seeds_is_the_mean_over_pairs_of_them():
    values = np.random.default_rng(5).random((5, 3))
    pairs = itertools.combinations(values.T, 2)
    assert agreement_of_seeds(values) == pytest.approx(np.mean([counted(a, b) for a, b in pairs]))
    assert agreement_of_seeds(values[:, :1]) is None


def test_the_interval_of_three_seeds_holds_the_true_value_of_most_simulated_benchmarks():
    """Of six methods; of more it holds less, as docs/results.md tells."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(100):
        first = rng.uniform(0.05, 0.5, 6)
        second = first + rng.normal(0, 0.08, 6)
        measured = [side[:, None] + rng.normal(0, 0.04, (6, 3)) for side in (first, second)]
        taus = resampled_taus(*measured).taus
        low, high = np.quantile(taus, [0.025, 0.975], method="inverted_cdf")
        held += low <= round(counted(first, second), 12) <= high
    assert 85 <= held <= 99
