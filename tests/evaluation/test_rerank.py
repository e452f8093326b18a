"""Re-ranking and query expansion against dense implementations from the papers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reidbench.evaluation import (
    FeatureDistances,
    Features,
    MatrixDistances,
    RankingOptions,
    evaluate,
)
from reidbench.evaluation import distance as distance_module
from reidbench.evaluation.distance import unit
from reidbench.evaluation.expansion import expanded
from reidbench.evaluation.rerank import Reranked

from .definitions import reranked


def people(images, seed=0, dimensions=8, persons=8):
    """Return ``[images, D]`` unit features in clusters."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((persons, dimensions))
    noise = 0.5 * rng.standard_normal((images, dimensions))
    return unit((centres[rng.integers(0, persons, images)] + noise).astype(np.float32))


def squared(features):
    return ((features[:, None].astype(float) - features[None]) ** 2).sum(axis=2).astype(np.float32)


def whole(distances):
    return np.concatenate([rows.copy() for _, rows in distances.chunks()])


@settings(deadline=None, max_examples=60)
@given(
    images=st.integers(4, 70),
    k1=st.integers(1, 25),
    k2=st.integers(1, 30),
    lambda_value=st.sampled_from([0.0, 0.3, 1.0]),
    seed=st.integers(0, 999),
    ties=st.booleans(),
)
def test_equals_the_dense_definition(images, k1, k2, lambda_value, seed, ties):
    matrix = squared(people(images, seed))
    if ties:
        matrix = matrix.round(1)
    queries = images // 3
    got = Reranked(MatrixDistances(matrix), queries, k1=k1, k2=k2, lambda_value=lambda_value)
    expected = reranked(matrix.astype(float), queries, k1, k2, lambda_value)
    np.testing.assert_allclose(whole(got), expected, atol=1e-6)


def test_features_give_what_their_distances_give(monkeypatch):
    features = people(150)
    monkeypatch.setattr(distance_module, "CHUNK_ROWS", (1, 17))
    got = Reranked(FeatureDistances(features, features), 50)
    np.testing.assert_allclose(
        whole(got), reranked(squared(features).astype(float), 50, 20, 6, 0.3), atol=2e-6
    )


def test_one_of_many_equal_images_is_left_with_itself():
    matrix = np.ones((8, 8), np.float32)
    matrix[:5, :5] = matrix[5:, 5:] = 0
    got = whole(Reranked(MatrixDistances(matrix), 3, k1=1, k2=4))
    np.testing.assert_allclose(got, reranked(matrix.astype(float), 3, 1, 4, 0.3), atol=1e-6)


def test_equal_images_do_not_divide_by_zero():
    got = whole(Reranked(MatrixDistances(np.zeros((9, 9))), 3))
    assert np.isfinite(got).all()


def test_options_reach_the_scores():
    features = people(240, persons=24)
    pids = np.argmax(features @ people(24, seed=5, persons=24).T, axis=1) + 1
    query = Features(features[:80], pids[:80], np.zeros(80, int))
    gallery = Features(features[80:], pids[80:], np.ones(160, int))
    plain, better = (
        evaluate(query, gallery, options=RankingOptions(rerank=r)) for r in (False, True)
    )
    assert not np.array_equal(plain.ap, better.ap, equal_nan=True)
    for name, value in {"k1": 3, "k2": 1, "lambda_value": 0.8}.items():
        other = evaluate(query, gallery, options=RankingOptions(rerank=True, **{name: value}))
        assert not np.array_equal(other.ap, better.ap, equal_nan=True), name
    same = evaluate(query, gallery, options=RankingOptions(rerank=True, lambda_value=1.0))
    assert same.ap == pytest.approx(plain.ap, nan_ok=True, abs=1e-3)


@pytest.mark.parametrize("unit_length", [False, True])
@pytest.mark.parametrize("k", [4, 99], ids=["some", "all"])
def test_expansion_means_the_query_and_its_nearest(k, unit_length):
    query, gallery = people(5, seed=1), people(30, seed=2)
    if not unit_length:
        query, gallery = 3 * query, 2 * gallery
    got = expanded(query, gallery, FeatureDistances(query, gallery), k, unit_length=unit_length)
    for q, mean in zip(query, got, strict=True):
        near = np.argsort(((gallery - q) ** 2).sum(axis=1), kind="stable")[:k]
        want = np.concatenate([q[None], gallery[near]]).mean(axis=0)
        want = want / np.linalg.norm(want) if unit_length else want
        np.testing.assert_allclose(mean, want, atol=1e-6)


def test_expansion_reaches_the_scores():
    query = Features(np.array([[1.0, 0.2]]), np.array([1]), np.array([0]))
    gallery = Features(
        np.array([[1.0, 0], [0.9, 0.6], [0, 1]]), np.array([2, 1, 3]), np.array([1, 1, 1])
    )
    plain = evaluate(query, gallery)
    wide = evaluate(query, gallery, options=RankingOptions(expansion=9))
    assert (plain.first.tolist(), wide.first.tolist()) == ([2], [1])
