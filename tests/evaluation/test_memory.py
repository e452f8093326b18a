"""Memory that ranking, expansion and re-ranking take beside what they return."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from reidbench.evaluation import (
    FeatureDistances,
    Features,
    Labels,
    Market1501,
    RankingOptions,
    evaluate,
)
from reidbench.evaluation import distance as distance_module
from reidbench.evaluation.distance import unit
from reidbench.evaluation.expansion import expanded
from reidbench.evaluation.rerank import Reranked

ROWS, GALLERY, DIMENSIONS = 32, 3_000, 8


def peak(function, *args):
    """Return bytes at the peak of a second call: the first may fill caches."""
    function(*args)
    tracemalloc.start()
    try:
        function(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def images(count):
    rng = np.random.default_rng(count)
    features = unit(rng.standard_normal((count, DIMENSIONS), np.float32))
    return features, Labels(rng.integers(1, 200, count), rng.integers(0, 3, count))


def ranked(queries):
    (query, q), (gallery, g) = images(queries), images(GALLERY)
    Market1501().scores(FeatureDistances(query, gallery), q, g)


def widened(queries):
    query, gallery = images(queries)[0], images(GALLERY)[0]
    expanded(query, gallery, FeatureDistances(query, gallery), 5, unit_length=True)


def reranked(count):
    features = images(count)[0]
    for _ in Reranked(FeatureDistances(features, features), count // 4).chunks():
        pass


@pytest.mark.parametrize("function", [ranked, widened])
def test_is_a_chunk_for_any_number_of_queries(monkeypatch, function):
    monkeypatch.setattr(distance_module, "CHUNK_ROWS", (ROWS, ROWS))
    few, many = peak(function, 4 * ROWS), peak(function, 8 * ROWS)
    chunk = 4 * ROWS * GALLERY
    assert chunk < few < 3 * chunk
    assert many - few < chunk / 4  # a matrix of all distances would grow by four chunks


def test_of_reranking_grows_with_the_images_not_their_square(monkeypatch):
    monkeypatch.setattr(distance_module, "CHUNK_ROWS", (ROWS, ROWS))
    few, many = peak(reranked, 1_000), peak(reranked, 2_000)
    assert many < 2.5 * few
    assert many < 4 * 2_000**2 / 2


def scored(offset, options):
    rng = np.random.default_rng(5)
    sets = [
        Features(
            offset + rng.standard_normal((count, 256), np.float32),
            rng.integers(1, 200, count),
            rng.integers(0, 3, count),
        )
        for count in (1500, 2000)
    ]
    return peak(evaluate, *sets, None, options)


@pytest.mark.parametrize("expansion", [0, 3])
@pytest.mark.parametrize("normalise", [True, False], ids=["of unit length", "raw"])
def test_of_centring_is_a_tenth_at_most(monkeypatch, expansion, normalise):
    monkeypatch.setattr(distance_module, "CHUNK_ROWS", (ROWS, ROWS))
    options = RankingOptions(expansion=expansion, normalise=normalise)
    assert scored(np.float32(100), options) < 1.1 * scored(np.float32(0), options)
