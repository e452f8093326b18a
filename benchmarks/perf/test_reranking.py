"""k-reciprocal re-ranking and query expansion: against torchreid's, and what it adds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from benchmarks.perf import peers
from benchmarks.perf.alone import GIB, alone
from benchmarks.perf.sizes import MARKET1501, Size, made, without_junk
from reidbench.evaluation import RankingOptions, evaluate
from reidbench.evaluation.distance import Distances, FeatureDistances, MatrixDistances, unit
from reidbench.evaluation.rerank import Reranked


def images(size: Size) -> np.ndarray:
    """Return unit features of the queries and then of the gallery without junk."""
    query, gallery = made(size)
    return unit(np.concatenate([query.features, without_junk(gallery).features]))


def euclidean(size: Size) -> np.ndarray:
    """Return the distances ``[N, N]`` among all images, not squared, the same in any process."""
    features = images(size)
    matrix = features @ features.T
    np.subtract(2, 2 * matrix, out=matrix)
    np.sqrt(np.maximum(matrix, 0, out=matrix), out=matrix)
    np.fill_diagonal(matrix, 0)
    return matrix


def whole(distances: Distances) -> np.ndarray:
    matrix = np.empty(distances.shape, np.float32)
    for start, rows in distances.chunks():
        matrix[start : start + len(rows)] = rows
    return matrix


def theirs_from_distances(size: Size) -> Callable[[], np.ndarray]:
    """torchreid squares the distances that it is given; its evaluation gives it squared ones."""
    matrix, peer, q = euclidean(size), peers.torchreid(), size.queries
    return lambda: peer.re_ranking(matrix[:q, q:], matrix[:q, :q], matrix[q:, q:])


def ours_from_distances(size: Size) -> Callable[[], np.ndarray]:
    matrix = euclidean(size)
    np.square(matrix, out=matrix)
    return lambda: whole(Reranked(MatrixDistances(matrix), size.queries))


def their_distances(size: Size) -> Callable[[], None]:
    """The three matrices that torchreid's evaluation makes for its re-ranking."""
    import torch

    peer, features = peers.torchreid(), torch.from_numpy(images(size))
    query, gallery = features[: size.queries], features[size.queries :]

    def run() -> None:
        for pair in ((query, gallery), (query, query), (gallery, gallery)):
            peer.compute_distance_matrix(*pair)

    return run


def ours_from_features(size: Size) -> Callable[[], None]:
    """Re-ranked rows chunk by chunk, as the evaluation reads them."""
    features = images(size)

    def run() -> None:
        for _ in Reranked(FeatureDistances(features, features), size.queries).chunks():
            pass

    return run


def test_equals_torchreid_where_it_sorts_stably(benchmark, monkeypatch):
    size = MARKET1501.share(0.04)
    q, peer = size.queries, peers.torchreid()
    matrix = euclidean(size).round(2)
    # One largest distance for all, so that dividing by it leaves the ties as they are.
    matrix[-1, :-1] = matrix[:-1, -1] = 2
    assert len(np.unique(matrix[0])) < len(matrix) / 4
    with monkeypatch.context() as patch:
        patch.setattr(np, "argsort", partial(np.argsort, kind="stable"))
        theirs = peer.re_ranking(matrix[:q, q:], matrix[:q, :q], matrix[q:, q:])
    own = benchmark.pedantic(lambda: whole(Reranked(MatrixDistances(matrix**2), q)))
    np.testing.assert_allclose(own, theirs, rtol=0, atol=1e-6)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("share", [0.25, pytest.param(1, marks=pytest.mark.slow)])
def test_market1501_against_torchreid(benchmark, share):
    """The whole takes torchreid 10 GiB."""
    size = MARKET1501.share(share)
    peers.torchreid()  # skips here, not in a process of its own
    own = benchmark.pedantic(alone, (ours_from_distances, size))
    peer = alone(theirs_from_distances, size)
    # torchreid sorts unstably: where distances tie, which of them is a neighbour is chance.
    differing = np.mean(np.abs(own.result - peer.result) > 1e-6)
    assert differing < 1e-4
    features, products = alone(ours_from_features, size), alone(their_distances, size)
    matrix = 4 * sum(own.result.shape) ** 2 / GIB
    benchmark.extra_info |= {
        "processor time of torchreid / ours, from the same distances": round(
            peer.seconds / own.seconds, 1
        ),
        "processor time of torchreid / ours, from features": round(
            (products.seconds + peer.seconds) / features.seconds, 1
        ),
        "memory above the features of torchreid / ours": round(
            (matrix + peer.above) / features.above, 1
        ),
        "GiB above the features": round(features.above, 2),
        "share of entries that differ by over 1e-6": float(differing),
    }


def test_expansion_costs_a_second_product(benchmark, fastest):
    sets = made(MARKET1501.share(0.25))
    options = RankingOptions(expansion=5)
    benchmark.pedantic(evaluate, sets, {"options": options})
    plain, wide = fastest(
        lambda: evaluate(*sets), lambda: evaluate(*sets, options=options), rounds=2
    )
    benchmark.extra_info["time with expansion / without"] = round(wide / plain, 2)
