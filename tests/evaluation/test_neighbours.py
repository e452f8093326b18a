"""Nearest lists from half of the distances, against sorting all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reidbench.evaluation import FeatureDistances, MatrixDistances
from reidbench.evaluation import distance as distance_module
from reidbench.evaluation.neighbours import neighbours


@settings(deadline=None, max_examples=100)
@given(
    images=st.integers(1, 60),
    k=st.integers(1, 30),
    rows=st.integers(1, 20),
    levels=st.sampled_from([1, 4, 10_000]),
    order=st.sampled_from(["random", "nearer", "farther"]),
    seed=st.integers(0, 999),
)
def test_equal_a_stable_sort_of_all(images, k, rows, levels, order, seed):
    drawn = np.random.default_rng(seed).integers(0, levels, (images, images))
    if order != "random":  # each chunk nearer to all, or farther, than those before
        drawn.sort(axis=0)
        drawn = drawn[::-1] if order == "nearer" else drawn
    matrix = np.triu(drawn) + np.triu(drawn, 1).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distance_module, "CHUNK_ROWS", (1, rows))
        got = neighbours(MatrixDistances(matrix), k)
    np.testing.assert_array_equal(got.lists, np.argsort(matrix, axis=1, kind="stable")[:, :k])
    farthest = matrix.max(axis=1).astype(float)
    np.testing.assert_array_equal(got.farthest, np.where(farthest > 0, farthest, np.inf))


def test_of_features(monkeypatch):
    features = np.random.default_rng(0).standard_normal((90, 5), np.float32)
    monkeypatch.setattr(distance_module, "CHUNK_ROWS", (1, 13))
    for metric in ("euclidean", "cosine"):
        joint = FeatureDistances(features, features, metric)
        matrix = np.concatenate([rows.copy() for _, rows in joint.chunks()])
        got = neighbours(joint, 7)
        np.testing.assert_array_equal(got.lists, np.argsort(matrix, axis=1)[:, :7])
        np.testing.assert_allclose(got.farthest, matrix.max(axis=1), rtol=1e-5)
