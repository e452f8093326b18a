"""MMD against a direct loop and hand-computed values, and what both distances show."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reidbench.errors import ReidbenchError
from reidbench.evaluation import distributions
from reidbench.evaluation.distributions import apart, median_bandwidth, mmd2, spread_rows
from reidbench.evaluation.generation import fid


def direct(first: np.ndarray, second: np.ndarray, sigma: float) -> float:
    """Return eq. 3 of Gretton et al. as it is written."""

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return math.exp(-sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) / (2 * sigma**2))

    n, m = len(first), len(second)
    xx = sum(k(first[i], first[j]) for i in range(n) for j in range(n) if i != j)
    yy = sum(k(second[i], second[j]) for i in range(m) for j in range(m) if i != j)
    xy = sum(k(x, y) for x in first for y in second)
    return xx / (n * (n - 1)) + yy / (m * (m - 1)) - 2 * xy / (n * m)


@settings(max_examples=20)
@given(st.integers(2, 7), st.integers(2, 7), st.integers(1, 4), st.integers(0, 99))
def test_mmd_is_the_formula(n, m, d, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.5
    assert mmd2(x, y, 1.3) == pytest.approx(direct(x, y, 1.3), abs=1e-12)


def test_mmd_of_two_pairs_by_hand():
    # k of 0 and 2 is exp(-4 / 2); of 0 and 1, and of 2 and 1, exp(-1 / 2).
    x, y = np.array([[0.0], [2.0]]), np.array([[1.0], [1.0]])
    assert mmd2(x, y, 1.0) == pytest.approx(math.exp(-2) + 1 - 2 * math.exp(-0.5), rel=1e-12)


def test_mmd_does_not_depend_on_how_many_rows_are_taken_at_a_time(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(23, 4)), rng.normal(size=(17, 4)) * 3
    whole, width = mmd2(x, y, 2.0), median_bandwidth(x, y)
    monkeypatch.setattr(distributions, "_ROWS", 5)
    assert mmd2(x, y, 2.0) == pytest.approx(whole, rel=1e-12)
    assert median_bandwidth(x, y) == pytest.approx(width, rel=1e-12)


def test_mmd_keeps_its_digits_far_from_the_origin():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 3)) + 1
    assert mmd2(x + 1e6, y + 1e6, 1.0) == pytest.approx(mmd2(x, y, 1.0), abs=1e-6)


def test_mmd_of_one_distribution_is_nothing_on_average_and_falls_on_both_sides():
    rng = np.random.default_rng(2)
    values = np.array([mmd2(*rng.normal(size=(2, 20, 2)), 1.5) for _ in range(400)])
    error = values.std() / np.sqrt(len(values))
    assert abs(values.mean()) < 3 * error
    assert 0.2 < (values < 0).mean() < 0.8
    # A biased estimate, which keeps each row's kernel with itself, would be far above.
    assert error < 0.1 * (2 / 20)


def test_mmd_grows_with_the_shift():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 200, 3))
    values = [mmd2(x, y + shift, 2.0) for shift in (0.0, 0.5, 1.0, 2.0)]
    assert values == sorted(values)
    assert abs(values[0]) < 0.01 < values[1]


def test_the_frechet_distance_beside_it_is_that_of_generated_images():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(30, 3)).astype(np.float32), rng.normal(size=(40, 3)) + 1
    found = apart(x, y, 1.0)
    assert found.to_dict() == {"mmd2": mmd2(x, y, 1.0), "frechet": fid(x, y)}


def test_the_frechet_distance_of_known_gaussians():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(4_000, 2)) * [1.0, 2.0]
    y = rng.normal(size=(4_000, 2)) * [3.0, 0.5] + [1.0, -1.0]
    # |m|^2 + (1 - 3)^2 + (2 - 0.5)^2
    assert apart(x, y, 1.0).frechet == pytest.approx(2 + 4 + 2.25, rel=0.05)


def test_the_bandwidth_is_the_median_of_all_pairs():
    # Distances of 0, 1, 3 and 7: 1, 3, 7, 2, 6, 4.
    x, y = np.array([[0.0], [1.0]]), np.array([[3.0], [7.0]])
    assert median_bandwidth(x, y) == pytest.approx(3.5, rel=1e-12)


def test_the_bandwidth_looks_at_a_spread_of_many(monkeypatch):
    x = np.arange(9.0)[:, None] ** 2
    monkeypatch.setattr(distributions, "MEDIAN_ROWS", 3)
    assert median_bandwidth(x) == median_bandwidth(x[[0, 4, 8]])


def test_features_that_are_all_alike_have_no_bandwidth():
    x = np.full((9, 5), 0.1, np.float32) * 1e4
    with pytest.raises(ReidbenchError, match="the same features"):
        median_bandwidth(x, x[:4])


@pytest.mark.parametrize(("n", "m"), [(1, 5), (5, 1)])
def test_one_feature_is_too_few(n, m):
    with pytest.raises(ReidbenchError, match=f"not {n} and {m}"):
        mmd2(np.zeros((n, 2)), np.zeros((m, 2)), 1.0)


@settings(max_examples=50)
@given(st.integers(1, 500), st.integers(1, 500))
def test_rows_are_spread_from_the_first_to_the_last_each_once(count, most):
    rows = spread_rows(count, most)
    assert len(set(rows.tolist())) == len(rows) == min(count, most)
    assert rows[0] == 0
    assert rows[-1] == (count - 1 if len(rows) > 1 else 0)
    assert np.ptp(np.diff(rows)) <= 1 if len(rows) > 1 else True
