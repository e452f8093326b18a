"""Ranks of matches against sorting each row by the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reidbench.errors import ReidbenchError
from reidbench.evaluation import MatrixDistances, ranking
from reidbench.evaluation import distance as distance_module
from reidbench.evaluation.ranking import match_ranks, nearest

from .definitions import TIEBREAK, cases, hits, labels


def ranks(matrix, query, gallery, **how):
    found = match_ranks(MatrixDistances(matrix), query, gallery, **how)
    return [r.tolist() for r in found]


def expected(matrix, query, gallery, **how):
    rankings = [
        hits(row, p, c, gallery, **how)
        for row, p, c in zip(matrix, query.pids, query.cams, strict=True)
    ]
    return [[r for r, hit in enumerate(ranking, 1) if hit] for ranking in rankings]


@pytest.mark.parametrize("sort_from", [0, 1000], ids=["sorting", "counting"])
@pytest.mark.parametrize("ties", TIEBREAK)
@pytest.mark.parametrize("cross_camera", [True, False])
@settings(max_examples=40)  # of each of twelve: the cases are alike for all
@given(case=cases())
def test_ranks_equal_a_sorted_list(sort_from, ties, cross_camera, case):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "SORT_FROM", sort_from)
        how = {"cross_camera": cross_camera, "ties": ties}
        assert ranks(*case, **how) == expected(*case, **how)


@given(case=cases())
def test_tie_rules_bound_the_stable_one(case):
    low, mid, high = (
        [r for q in ranks(*case, cross_camera=True, ties=t) for r in q]
        for t in ("optimistic", "stable", "pessimistic")
    )
    assert all(a <= b <= c for a, b, c in zip(low, mid, high, strict=True))


def test_tie_rules_on_one_row():
    matrix = np.array([[5, 5, 5, 1]], np.float32)
    query, gallery = labels([1], [1]), labels([2, 1, 2, 2], [2, 2, 2, 2])
    for ties, rank in {"optimistic": 2, "stable": 3, "pessimistic": 4}.items():
        assert ranks(matrix, query, gallery, cross_camera=True, ties=ties) == [[rank]]


def test_chunks_do_not_change_ranks(monkeypatch):
    rng = np.random.default_rng(0)
    matrix = rng.integers(0, 9, (23, 40)).astype(np.float32)
    query = labels(rng.integers(1, 5, 23), rng.integers(0, 3, 23))
    gallery = labels(rng.integers(-1, 5, 40), rng.integers(0, 3, 40))
    whole = ranks(matrix, query, gallery, cross_camera=True)
    monkeypatch.setattr(distance_module, "CHUNK_ROWS", (1, 4))
    assert ranks(matrix, query, gallery, cross_camera=True) == whole
    assert whole == expected(matrix, query, gallery)


def test_labels_must_fit_the_distances():
    with pytest.raises(ReidbenchError, match=r"\[1, 2\] do not fit 1 queries and 1 gallery"):
        ranks(np.zeros((1, 2)), labels([1], [1]), labels([1], [2]), cross_camera=True)


def test_junk_cannot_be_a_query():
    with pytest.raises(ReidbenchError, match="query pids hold -1"):
        ranks(np.zeros((1, 1)), labels([-1], [1]), labels([1], [2]), cross_camera=True)


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=400), st.integers(1, 30), st.integers(0, 99)
)
def test_nearest_is_a_stable_sort(values, k, seed):
    row = np.random.default_rng(seed).permutation(np.array(values, np.float32))
    assert nearest(row, k).tolist() == np.argsort(row, kind="stable")[:k].tolist()


def test_nearest_looks_beyond_the_part_it_samples():
    row = np.random.default_rng(0).random(10_000, np.float32).round(3)
    for k in (1, 7, 64):
        assert nearest(row, k).tolist() == np.argsort(row, kind="stable")[:k].tolist()
