"""FID, KID and SSIM against closed forms and direct loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from reidbench.errors import ReidbenchError
from reidbench.evaluation import generation
from reidbench.evaluation.generation import fid, kid, ssim


def whitened(rows: int, dimensions: int, seed: int) -> np.ndarray:
    """Return features whose mean is exactly 0 and whose covariance is exactly 1."""
    x = np.random.default_rng(seed).normal(size=(rows, dimensions))
    q = np.linalg.qr(np.column_stack([np.ones(rows), x]))[0][:, 1:]
    return q * np.sqrt(rows - 1)


def test_fid_of_two_gaussians_is_the_closed_form():
    mean = np.array([1.0, -2.0, 0.5])
    deviations = (np.array([1.0, 2.0, 3.0]), np.array([0.5, 4.0, 1.0]))
    first, second = whitened(50, 3, 0) * deviations[0], whitened(70, 3, 1) * deviations[1] + mean
    expected = (mean**2).sum() + ((deviations[0] - deviations[1]) ** 2).sum()
    assert fid(first, second) == pytest.approx(expected, rel=1e-12)


@settings(max_examples=20)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 6), st.integers(0, 99))
def test_fid_is_the_formula_with_any_number_of_images(n, m, d, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)) + 1, rng.normal(size=(m, d)) * 2
    s, t = (np.atleast_2d(np.cov(z, rowvar=False)) for z in (x, y))
    root = np.sqrt(np.clip(np.linalg.eigvals(s @ t).real, 0, None)).sum()
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s + t) - 2 * root
    assert fid(x, y) == pytest.approx(expected, abs=1e-5)


def test_fid_is_that_of_the_matrix_root():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5)), rng.normal(size=(40, 5)) + 0.3
    s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s + t - 2 * sqrtm(s @ t).real)
    assert fid(x, y) == pytest.approx(expected, rel=1e-9)


def test_fid_does_not_depend_on_how_many_rows_are_taken_at_a_time(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(23, 4)), rng.normal(size=(17, 4)) * 3
    whole = fid(x, y)
    monkeypatch.setattr(generation, "_ROWS", 5)
    assert fid(x, y) == pytest.approx(whole, rel=1e-12)


def test_fid_of_a_set_with_itself_is_nothing():
    x = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32) * 100
    assert fid(x, x[::-1]) == pytest.approx(0, abs=1e-6)


def naive_mmd(x: np.ndarray, y: np.ndarray) -> float:
    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return (sum(p * q for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3

    n = len(x)
    within = sum(
        kernel(z[i], z[j])
        for z in (x, y)
        for i, j in itertools.product(range(n), repeat=2)
        if i != j
    )
    across = sum(kernel(a, b) for a in x for b in y)
    return within / (n * (n - 1)) - 2 * across / n**2


def test_kid_is_the_double_loop():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 3)) + 0.5
    value, size, blocks = kid(x, y)
    assert (size, blocks) == (7, 1)
    assert value == pytest.approx(naive_mmd(x, y), rel=1e-10)


def test_kid_is_the_mean_over_disjoint_blocks_of_shuffled_rows():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(11, 3)), rng.normal(size=(9, 3)) * 2
    value, size, blocks = kid(x, y, block=4)
    orders = [np.random.default_rng(0).permutation(n) for n in (11, 9)]
    means = [naive_mmd(x[orders[0][i : i + 4]], y[orders[1][i : i + 4]]) for i in range(0, 8, 4)]
    assert (size, blocks) == (4, 2)
    assert value == pytest.approx(np.mean(means), rel=1e-10)


def test_kid_is_unbiased():
    rng = np.random.default_rng(2)
    values = [kid(rng.normal(size=(10, 2)), rng.normal(size=(10, 2)))[0] for _ in range(400)]
    assert abs(np.mean(values)) < 3 * np.std(values) / 20
    assert min(values) < 0


@pytest.mark.parametrize("measure", [fid, kid])
def test_one_image_is_not_enough(measure):
    with pytest.raises(ReidbenchError, match="needs two of each, not 1 and 5"):
        measure(np.zeros((1, 3)), np.zeros((5, 3)))


def slow_ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Return SSIM of two images by a loop over the windows that fit in."""
    weights = np.array(
        [[np.exp(-(i * i + j * j) / 4.5) for j in range(-5, 6)] for i in range(-5, 6)]
    )
    weights /= weights.sum()
    x, y = (0.299 * z[..., 0] + 0.587 * z[..., 1] + 0.114 * z[..., 2] for z in (first, second))
    values = []
    for i, j in itertools.product(range(x.shape[0] - 10), range(x.shape[1] - 10)):
        a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
        p, q = (weights * a).sum(), (weights * b).sum()
        va, vb = (weights * (a - p) ** 2).sum(), (weights * (b - q) ** 2).sum()
        cov = (weights * (a - p) * (b - q)).sum()
        top = (2 * p * q + 6.5025) * (2 * cov + 58.5225)
        values.append(top / ((p * p + q * q + 6.5025) * (va + vb + 58.5225)))
    return float(np.mean(values))


def test_ssim_is_the_loop_over_windows():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (3, 14, 12, 3), dtype=np.uint8)
    noise = rng.integers(-40, 41, first.shape)
    second = np.clip(first + noise, 0, 255).astype(np.uint8)
    expected = [slow_ssim(a, b) for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(ssim(first, second), expected, rtol=1e-9)


@pytest.mark.parametrize("size", [(32, 16), (16, 8), (1, 1)])
def test_equal_images_have_ssim_one(size):
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    np.testing.assert_allclose(ssim(images, images), 1, rtol=1e-12)


def test_images_side_by_side_do_not_mix():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (2, 2, 16, 8, 3), dtype=np.uint8)
    both = ssim(a, b)
    assert both[1] == pytest.approx(ssim(a[1:], b[1:])[0], rel=1e-12)
