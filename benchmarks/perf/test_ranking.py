"""Ranking and scoring features, against sorting the whole gallery for each query."""

from __future__ import annotations

import numpy as np
import pytest

from reidbench.evaluation import Features, evaluate

QUERIES, GALLERY, DIMENSIONS, PERSONS, CAMERAS = 600, 4_000, 256, 150, 6


def made_features(rng: np.random.Generator, count: int, centres: np.ndarray) -> Features:
    pids = rng.integers(1, PERSONS + 1, count)
    noise = rng.standard_normal((count, DIMENSIONS), np.float32)
    features = centres[pids - 1] + 3 * noise
    return Features(features, pids, rng.integers(0, CAMERAS, count))


def plain_scores(query: Features, gallery: Features) -> tuple[float, float]:
    """Return mAP and rank-1 as the definitions have them, one sorted ranking a query."""
    q, g = (
        f.features / np.linalg.norm(f.features, axis=1, keepdims=True) for f in (query, gallery)
    )
    precisions, firsts = [], []
    for feature, pid, cam in zip(q, query.pids, query.cams, strict=True):
        order = np.argsort(((feature - g) ** 2).sum(1), kind="stable")
        same_view = (gallery.pids[order] == pid) & (gallery.cams[order] == cam)
        hits = (gallery.pids[order] == pid)[~same_view]
        if hits.any():
            ranks = np.flatnonzero(hits) + 1
            precisions.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
            firsts.append(hits[0])
    return float(np.mean(precisions)), float(np.mean(firsts))


def test_ranking_from_features(benchmark, fastest):
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((PERSONS, DIMENSIONS), np.float32)
    query, gallery = (made_features(rng, n, centres) for n in (QUERIES, GALLERY))
    scores = benchmark(evaluate, query, gallery).to_dict()
    expected = plain_scores(query, gallery)
    assert 0.05 < expected[0] < 0.95
    assert (scores["mAP"], scores["rank1"]) == pytest.approx(expected, rel=1e-6)
    plain, ours = fastest(
        lambda: plain_scores(query, gallery), lambda: evaluate(query, gallery), rounds=2
    )
    benchmark.extra_info["times as fast as a sort a query"] = round(plain / ours, 2)
