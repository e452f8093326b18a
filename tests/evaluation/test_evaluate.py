"""From features to scores: options, refusals and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation import (
    FeatureDistances,
    Features,
    MatrixDistances,
    RankingOptions,
    evaluate,
    evaluate_distances,
)
from reidbench.evaluation import distance as distance_module
from reidbench.evaluation.distance import unit

from .definitions import ap_at_hits, hits


def sample(images, cam, seed, dimensions=6, junk=False):
    rng = np.random.default_rng(seed)
    pids = rng.integers(-1 if junk else 1, 6, images)
    rows = rng.standard_normal((images, dimensions)).astype(np.float32)
    return Features(rows, pids, np.full(images, cam))


QUERY, GALLERY = sample(12, 0, seed=1), sample(40, 1, seed=2, junk=True)


def reference(distance, normalise):
    """Return the mAP of float64 distances by the definition."""
    q, g = QUERY.features.astype(float), GALLERY.features.astype(float)
    if normalise or distance == "cosine":
        q, g = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (q, g))
    rows = 1 - q @ g.T if distance == "cosine" else ((q[:, None] - g[None]) ** 2).sum(axis=2)
    rankings = [hits(r, p, 0, GALLERY) for r, p in zip(rows, QUERY.pids, strict=True)]
    return np.mean([ap_at_hits(r) for r in rankings if any(r)])


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize("normalise", [False, True])
def test_options_give_the_scores_of_their_definition(distance, normalise):
    options = RankingOptions(distance=distance, normalise=normalise)
    got = evaluate(QUERY, GALLERY, options=options).mean_ap
    assert got == pytest.approx(reference(distance, normalise), abs=1e-12)


def test_distances_of_ones_own_give_the_scores_of_the_features_they_are_of():
    """The gallery holds junk, whose columns do not count, and the columns are read by chunks."""
    assert (GALLERY.pids == -1).any()
    plain = RankingOptions(normalise=False)
    matrix = ((QUERY.features[:, None] - GALLERY.features[None]) ** 2).sum(2)
    told = evaluate_distances(
        MatrixDistances(matrix), QUERY.labels, GALLERY.labels, options=plain
    ).to_dict()
    expected = evaluate(QUERY, GALLERY, options=plain).to_dict()
    assert told == expected
    with pytest.raises(ReidbenchError, match="do not fit"):
        evaluate_distances(MatrixDistances(matrix.T), QUERY.labels, GALLERY.labels)


def test_normalising_matters_here():
    assert reference("euclidean", normalise=True) != reference("euclidean", normalise=False)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_distances_and_their_entries(metric, queries, images, seed):
    rng = np.random.default_rng(seed)
    q = unit(rng.standard_normal((queries, 5)).astype(np.float32))
    g = unit(rng.standard_normal((images, 5)).astype(np.float32))
    distances = FeatureDistances(q, g, metric)
    got = np.concatenate([rows.copy() for _, rows in distances.chunks()])
    want = ((q[:, None] - g[None]) ** 2).sum(axis=2) / (2 if metric == "cosine" else 1)
    np.testing.assert_allclose(got, want, atol=2e-6)
    columns = rng.integers(0, images, 7)
    np.testing.assert_allclose(distances.at(queries - 1, columns), want[-1, columns], atol=2e-6)


def test_inputs_are_left_as_they_were():
    query, gallery = sample(12, 0, seed=3), sample(40, 1, seed=4)
    before = query.features.copy(), gallery.features.copy()
    evaluate(query, gallery, options=RankingOptions(expansion=2, rerank=True))
    np.testing.assert_array_equal(before[0], query.features)
    np.testing.assert_array_equal(before[1], gallery.features)


def test_other_number_types_are_taken():
    wide = Features(GALLERY.features.astype(float), GALLERY.pids.astype(np.int32), GALLERY.cams)
    assert evaluate(QUERY, wide).mean_ap == evaluate(QUERY, GALLERY).mean_ap


def test_a_constant_embedding_is_scored_by_gallery_index():
    query = Features(np.zeros((1, 3)), np.array([1]), np.array([0]))
    gallery = Features(np.zeros((4, 3)), np.array([2, 3, 1, 4]), np.ones(4, int))
    assert evaluate(query, gallery).first.tolist() == [3]


BAD = np.ones((2, 3), np.float32)


def broken(value):
    rows = BAD.copy()
    rows[1, 2] = value
    return rows


@pytest.mark.parametrize("role", ["query", "gallery", "multi_query"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((broken(np.nan), [1, 2], [0, 0]), "features hold NaN.* in 1 of 2 rows, first in row 1"),
        ((broken(np.inf), [1, 2], [0, 0]), "features hold NaN, infinity"),
        ((broken(1.0) * 1e30, [1, 2], [0, 0]), "too large for float32"),
        ((np.full((2, 3), 1e300), [1, 2], [0, 0]), "too large for float32"),
        ((BAD[0], [1, 2], [0, 0]), r"must be a matrix \[N, D\] of numbers, not \[3\]"),
        ((BAD.astype(str), [1, 2], [0, 0]), "of numbers, not .* of <U"),
        ((BAD[:0], [], []), r"features are empty: \[0, 3\]"),
        ((BAD, [1, 2, 3], [0, 0]), r"pids have the shape \[3\] for 2 rows"),
        ((BAD, [1, 2], [[0], [0]]), r"cams have the shape \[2, 1\] for 2 rows"),
        ((BAD, [1.0, 2.0], [0, 0]), "pids must be integers, not float64"),
        ((BAD, [1, 2], ["a", "b"]), "cams must be integers"),
    ],
)
def test_what_cannot_be_scored_is_refused_by_name(role, given, message):
    bad = Features(given[0], np.array(given[1]), np.array(given[2]))
    fine = Features(BAD, np.array([1, 2]), np.array([0, 1]))
    sets = {"query": fine, "gallery": fine, "multi_query": fine} | {role: bad}
    with pytest.raises(ReidbenchError, match=f"^{role} .*{message}"):
        evaluate(sets["query"], sets["gallery"], multi_query=sets["multi_query"])


def test_dimensions_must_agree():
    with pytest.raises(ReidbenchError, match=r"query features have 4 dimensions and gallery .* 6"):
        evaluate(sample(3, 0, seed=0, dimensions=4), GALLERY)
    with pytest.raises(ReidbenchError, match="multi_query features have 4 dimensions"):
        evaluate(QUERY, GALLERY, multi_query=sample(3, 0, seed=0, dimensions=4))


def test_the_tie_rule_reaches_the_scores():
    query = Features(np.zeros((1, 3)), np.array([1]), np.array([0]))
    gallery = Features(np.zeros((3, 3)), np.array([2, 1, 3]), np.ones(3, int))
    for ties, rank in {"optimistic": 1, "stable": 2, "pessimistic": 3}.items():
        scores = evaluate(query, gallery, options=RankingOptions(ties=ties))
        assert (scores.first.tolist(), scores.ties) == ([rank], ties)


def test_a_gallery_of_junk_is_refused():
    junk = Features(BAD, np.array([-1, -1]), np.array([0, 1]))
    with pytest.raises(ReidbenchError, match="gallery holds junk only"):
        evaluate(Features(BAD, np.array([1, 2]), np.array([0, 1])), junk)


@pytest.mark.parametrize("matrix", [np.zeros(3), np.zeros((0, 3))])
def test_distances_must_be_a_matrix(matrix):
    with pytest.raises(ReidbenchError, match="must be a matrix"):
        MatrixDistances(matrix)


def test_distances_must_be_finite():
    with pytest.raises(ReidbenchError, match="NaN or infinity in the rows 0 to 1"):
        list(MatrixDistances(broken(np.nan)).chunks())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distance": "euclid"}, "distance cannot be 'euclid'; did you mean 'euclidean'"),
        ({"ties": "random"}, "ties cannot be 'random'"),
        ({"k1": 0}, "k1 must be at least 1, not 0"),
        ({"k2": 0}, "k2 must be at least 1"),
        ({"expansion": -1}, "expansion must be at least 0"),
        ({"lambda_value": 1.1}, r"lambda_value must lie in \[0, 1\]"),
        ({"lambda_value": float("nan")}, "lambda_value must lie"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(UsageError, match=message):
        RankingOptions(**options)


def test_options_make_a_record():
    options = RankingOptions(rerank=True, expansion=3)
    assert RankingOptions(**json.loads(json.dumps(options.to_dict()))) == options


def peak(queries, images, options):
    """Return the bytes held at most above the features: 10 images of each person."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((queries + images, 16)).astype(np.float32)
    pids = rng.integers(1, images // 10, queries + images)
    query = Features(rows[:queries], pids[:queries], np.zeros(queries, int))
    gallery = Features(rows[queries:], pids[queries:], np.ones(images, int))
    tracemalloc.start()
    evaluate(query, gallery, options=options)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return held


def test_memory_hardly_grows_with_queries(monkeypatch):
    monkeypatch.setattr(distance_module, "CHUNK_ROWS", (1, 16))
    few, many = (peak(q, 4000, RankingOptions()) for q in (100, 1100))
    matrix = 1000 * 4000 * 4
    assert many - few < matrix / 20


def test_memory_of_reranking_grows_with_images_not_their_square(monkeypatch):
    monkeypatch.setattr(distance_module, "CHUNK_ROWS", (1, 16))
    options = RankingOptions(rerank=True)
    peak(9, 99, options)
    half, whole = (peak(n, 5 * n, options) for n in (250, 500))
    assert whole < 2.4 * half
    assert whole < 3000**2 * 4


def test_importing_needs_neither_torch_nor_scipy():
    code = "import sys, reidbench.evaluation; print({'torch', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
