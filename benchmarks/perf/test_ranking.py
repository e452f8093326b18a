"""From features to measures: against torchreid, fast-reid and a sort a query."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.perf import peers
from benchmarks.perf.alone import alone
from benchmarks.perf.sizes import MARKET1501, MSMT17, Size, made, without_junk
from reidbench.evaluation import (
    Features,
    Labels,
    Market1501,
    MatrixDistances,
    RankingOptions,
    evaluate,
)

SMALL = (100, 200), (80, 2_000)
COSINE = RankingOptions(distance="cosine")  # fast-reid's default
Measures = dict[str, float]
Sets = tuple[Features, Features]


def ours(sets: Sets) -> Callable[[], Measures]:
    """All measures, from the whole gallery."""
    return lambda: evaluate(*sets, options=COSINE).measures()


def cython(sets: Sets, build: Path) -> Callable[[], Measures]:
    """fast-reid: rank-k, mAP and mINP; its readers have left junk out."""
    import torch

    peer, (query, gallery) = peers.fastreid(build), sets
    gallery = without_junk(gallery)
    tensors = [torch.from_numpy(f.features) for f in (query, gallery)]
    labels = (query.pids, gallery.pids, query.cams, gallery.cams)

    def run() -> Measures:
        distances = peer.compute_cosine_distance(*tensors)
        cmc, precisions, penalties = peer.evaluate_rank(distances, *labels)
        return ranked(cmc) | {"mAP": np.mean(precisions), "mINP": np.mean(penalties)}

    return run


def python(sets: Sets) -> Callable[[], Measures]:
    """torchreid: rank-k and mAP; its readers have left junk out."""
    import torch

    peer, (query, gallery) = peers.torchreid(), sets
    gallery = without_junk(gallery)
    tensors = [torch.from_numpy(f.features) for f in (query, gallery)]
    labels = (query.pids, gallery.pids, query.cams, gallery.cams)

    def run() -> Measures:
        distances = peer.compute_distance_matrix(*tensors, "cosine").numpy()
        cmc, mean = peer.evaluate_rank(distances, *labels, use_cython=False)
        return ranked(cmc) | {"mAP": mean}

    return run


def ranked(cmc: np.ndarray) -> Measures:
    return {f"rank{k}": float(cmc[k - 1]) for k in (1, 5, 10, 20)}


def of_size(contender: Callable[..., Callable[[], Measures]], size: Size, *args: object):
    return contender(made(size), *args)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fastreid")


def agree(measures: Measures, theirs: Measures) -> None:
    """Each has multiplied for itself, and rounding moves a few images by a rank."""
    assert 0.05 < measures["mAP"] < 0.95
    assert {name: measures[name] for name in theirs} == pytest.approx(theirs, abs=1e-4)


def on_a_line(few: tuple[int, float], more: tuple[int, float], queries: int) -> float:
    """Return the seconds for ``queries``, from two pairs of queries and seconds."""
    slope = (more[1] - few[1]) / (more[0] - few[0])
    return more[1] + slope * (queries - more[0])


def test_equal_measures_of_the_same_distances(benchmark, build):
    """Without ties, which the peers break by an unstable sort; a fifth of the queries is alone."""
    rng = np.random.default_rng(0)
    query, gallery = (Labels(rng.integers(1, p, n), rng.integers(0, 4, n)) for p, n in SMALL)
    matrix = rng.permutation(len(query) * len(gallery)).astype(np.float32)
    matrix = matrix.reshape(len(query), len(gallery))
    scores = benchmark(Market1501().scores, MatrixDistances(matrix), query, gallery)
    labels = (query.pids, gallery.pids, query.cams, gallery.cams)
    cmc, precisions, penalties = peers.fastreid(build).evaluate_rank(matrix, *labels)
    assert len(precisions) == scores.valid_queries < scores.queries
    np.testing.assert_allclose(scores.ap[scores.valid], precisions, atol=1e-6)
    np.testing.assert_allclose(scores.inp[scores.valid], penalties, atol=1e-6)
    np.testing.assert_allclose(scores.cmc[:50], cmc, atol=1e-6)
    cmc, mean = peers.torchreid().evaluate_rank(matrix, *labels, use_cython=False)
    np.testing.assert_allclose(scores.cmc[:50], cmc, atol=1e-6)
    assert scores.mean_ap == pytest.approx(mean, abs=1e-6)


def test_market1501_against_fastreid(benchmark, fastest, build):
    sets = made(MARKET1501)
    mine, peer = ours(sets), cython(sets, build)
    agree(benchmark.pedantic(mine), peer())
    theirs, own = fastest(peer, mine, rounds=3)
    benchmark.extra_info["times as fast as fast-reid's Cython path"] = round(theirs / own, 2)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_market1501_against_torchreid(benchmark, fastest):
    sets = made(MARKET1501)
    mine, peer = ours(sets), python(sets)
    answers: list[Measures] = []
    (theirs,) = fastest(lambda: answers.append(peer()), rounds=0)  # it takes a minute
    agree(benchmark.pedantic(mine), *answers)
    (own,) = fastest(mine, rounds=2)
    benchmark.extra_info["times as fast as torchreid's Python path"] = round(theirs / own, 1)


def test_memory_at_market1501_size(benchmark, build):
    own = benchmark.pedantic(alone, (of_size, ours, MARKET1501))
    benchmark.extra_info["GiB above the features"] = round(own.above, 3)
    assert own.above < 0.35
    peers.fastreid(build)  # skips here, not in a process of its own
    theirs = alone(of_size, cython, MARKET1501, build)
    benchmark.extra_info["GiB above the features, fast-reid"] = round(theirs.above, 2)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_msmt17_against_fastreid(benchmark, fastest, build):
    """fast-reid would need 12 GiB here: it is timed on shares of the queries, all of the gallery.

    Its time is a line over the number of queries, as the middle share shows.
    """
    query, gallery = made(MSMT17)
    counts = [len(query) // n for n in (32, 16, 8)]
    parts = [Features(query.features[:n], query.pids[:n], query.cams[:n]) for n in counts]
    agree(benchmark.pedantic(ours((parts[0], gallery))), cython((parts[0], gallery), build)())
    mine = ours((query, gallery))
    *seconds, own = fastest(*(cython((p, gallery), build) for p in parts), mine, rounds=2)
    few, some, many = zip(counts, seconds, strict=True)
    theirs = on_a_line(few, many, len(query))
    benchmark.extra_info |= {
        "times as fast as fast-reid's Cython path": round(theirs / own, 2),
        "seconds": round(own, 1),
        "seconds of fast-reid, on a line": round(theirs, 1),
        "a 16th's seconds / on the line of a 32nd and an eighth": round(
            some[1] / on_a_line(few, many, some[0]), 3
        ),
    }


@pytest.mark.slow
def test_memory_at_msmt17_size(benchmark):
    own = benchmark.pedantic(alone, (of_size, ours, MSMT17))
    benchmark.extra_info["GiB in all"] = round(own.total, 2)
    assert own.total < 2


def test_against_a_sort_a_query(benchmark, fastest):
    """Needs no peer."""
    query, gallery = made(MARKET1501.share(0.2))
    mine = ours((query, gallery))
    measures, expected = benchmark(mine), plain_scores(query, without_junk(gallery))
    agree(measures, expected)
    plain, own = fastest(lambda: plain_scores(query, without_junk(gallery)), mine, rounds=1)
    benchmark.extra_info["times as fast as a sort a query"] = round(plain / own, 2)


def plain_scores(query: Features, gallery: Features) -> Measures:
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
    return {"mAP": float(np.mean(precisions)), "rank1": float(np.mean(firsts))}
