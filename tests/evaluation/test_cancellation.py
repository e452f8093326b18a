"""Rankings of features whose distances float32 cannot tell from the features' own length."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from reidbench.evaluation import FeatureDistances, Features, RankingOptions, evaluate
from reidbench.evaluation.centring import centred, common_origin
from reidbench.evaluation.distance import unit

from .definitions import ap_at_hits, hits

PIDS, CAMS = np.repeat(np.arange(1, 51), 10), np.tile(np.arange(10), 50)
SPREADS = (1e-1, 1e-2, 1e-3, 3e-4, 1e-4, 1e-5)


@cache
def parts():
    rng = np.random.default_rng(11)
    centres, mean = rng.normal(size=(50, 128)), np.abs(rng.normal(size=128)) * 3
    return (
        mean,
        centres + 2.5 * rng.normal(size=(50, 128)),
        centres[PIDS - 1] + 2.5 * rng.normal(size=(500, 128)),
    )


def collapsed(spread, kind, offset=0.0, clusters=1):
    """Return query and gallery around ``clusters`` far vectors, all of a camera around one."""
    mean, query, gallery = parts()
    far = (mean + offset) * np.random.default_rng(3).permuted(
        np.tile(np.linspace(0.2, 2, 128) if clusters > 1 else np.ones(128), (clusters, 1)), axis=1
    )
    return (
        Features((far[0] + spread * query).astype(kind), np.arange(1, 51), np.full(50, 99)),
        Features((far[CAMS % clusters] + spread * gallery).astype(kind), PIDS, CAMS),
    )


def exact(query, gallery, normalise=True):
    """Return the mAP of float64 distances by the definition."""
    q, g = query.features.astype(float), gallery.features.astype(float)
    if normalise:
        q, g = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (q, g))
    rankings = [
        hits(((g - f) ** 2).sum(1), pid, 99, gallery) for f, pid in zip(q, query.pids, strict=True)
    ]
    return np.mean([ap_at_hits(r) for r in rankings])


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_collapsed_features_score_as_in_double_precision(spread, kind, metric):
    sets = collapsed(spread, kind)
    got = evaluate(*sets, options=RankingOptions(distance=metric)).mean_ap
    assert got == pytest.approx(exact(*sets), abs=1e-4)


@pytest.mark.parametrize("normalise", [False, True])
def test_features_with_an_offset_score_as_in_double_precision(normalise):
    sets = collapsed(1.0, "f4", offset=1e4)
    got = evaluate(*sets, options=RankingOptions(normalise=normalise)).mean_ap
    assert got == pytest.approx(exact(*sets, normalise), abs=1e-4)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("spread", [1e-3, 3e-4])
def test_a_common_mean_is_not_all_that_cancels(spread, metric):
    """Features that collapse to three vectors far from each other keep their spread."""
    sets = collapsed(spread, "f4", clusters=3)
    assert common_origin(unit(sets[1].features.copy())) is None
    got = evaluate(*sets, options=RankingOptions(distance=metric)).mean_ap
    assert got == pytest.approx(exact(*sets), abs=1e-4)


def test_expansion_and_reranking_are_those_of_well_spread_features():
    """Subtracting a vector and scaling up changes no Euclidean distance but by a factor."""
    _, query, gallery = parts()
    labels = (np.arange(1, 51), np.full(50, 99)), (PIDS, CAMS)
    plain = [Features(f, *which) for f, which in zip((query, gallery), labels, strict=True)]
    moved = [Features(1e4 + f.features, f.pids, f.cams) for f in plain]
    for options in ({"expansion": 3}, {"rerank": True}, {"expansion": 3, "rerank": True}):
        chosen = RankingOptions(normalise=False, **options)
        want = evaluate(*plain, options=chosen).mean_ap
        assert evaluate(*moved, options=chosen).mean_ap == pytest.approx(want, abs=1e-4)


def test_expanded_queries_are_scaled_about_the_true_origin():
    sets = collapsed(1e-2, "f4")
    q, g = (unit(s.features.astype(float)) for s in sets)
    near = np.argsort(((q[:, None] - g) ** 2).sum(2), axis=1)[:, :3]
    wider = Features((q + g[near].sum(1)) / 4, sets[0].pids, sets[0].cams)
    got = evaluate(*sets, options=RankingOptions(expansion=3)).mean_ap
    assert got == pytest.approx(exact(wider, sets[1]), abs=1e-4)


def test_equal_features_tie_wherever_they_stand():
    query = Features(np.full((1, 300), 0.37), np.array([1]), np.array([0]))
    pids = np.arange(2, 1203)
    pids[700] = 1
    gallery = Features(np.full((1201, 300), 0.37), pids, np.ones(1201, int))
    assert evaluate(query, gallery).first.tolist() == [701]


def test_spread_features_are_left_as_they_are():
    rng = np.random.default_rng(0)
    gallery = unit(np.abs(rng.standard_normal((300, 64))).astype(np.float32))
    assert common_origin(gallery) is None
    distances = FeatureDistances(gallery[:9], gallery[9:])
    out = np.empty(distances.shape, np.float32)
    distances.fill(0, out)
    squares = [np.einsum("nd,nd->n", x, x) for x in (gallery[:9], gallery[9:])]
    plain = np.matmul(-2 * gallery[:9], gallery[9:].T) + squares[1] + squares[0][:, None]
    np.testing.assert_array_equal(out, plain)


def test_entries_equal_whole_rows_where_float32_cancels():
    query, gallery = (unit(s.features.copy()) for s in collapsed(3e-3, "f4", clusters=3))
    few, many = FeatureDistances(query, gallery[:60]), FeatureDistances(query, gallery)
    for distances in (few, many):
        out = np.empty(distances.shape, np.float32)
        distances.fill(0, out)
        columns = np.arange(distances.shape[1])
        for row in (0, 49):
            np.testing.assert_allclose(distances.at(row, columns), out[row], rtol=1e-3)


def test_centring_goes_by_blocks_and_takes_whole_numbers():
    features = np.arange(6000).reshape(3000, 2) + 10**6
    origin = common_origin(features)
    assert origin is not None
    np.testing.assert_array_equal(
        centred(features, origin, unit_length=False), (features - origin).astype(np.float32)
    )
