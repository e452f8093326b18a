"""Measures against their definitions and values worked by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reidbench.errors import ReidbenchError
from reidbench.evaluation import Market1501, MatrixDistances, Scores

from . import definitions
from .definitions import cases, hits, labels


def scored(*ranks, gallery=10):
    """Return the scores of queries whose matches have these ranks."""
    pids = np.arange(1, len(ranks) + 1)
    return Scores.from_ranks(pids, [np.array(r, np.int64) for r in ranks], gallery, "stable")


@given(case=cases())
def test_measures_equal_their_definitions(case):
    matrix, query, gallery = case
    every = [
        hits(row, p, c, gallery) for row, p, c in zip(matrix, query.pids, query.cams, strict=True)
    ]
    valid = [r for r in every if any(r)]
    assume(valid)
    scores = Market1501().scores(MatrixDistances(matrix), query, gallery)
    means = {
        name: np.mean([measure(r) for r in valid])
        for name, measure in {
            "mAP": definitions.ap_at_hits,
            "mAP_trapezoid": definitions.ap_trapezoid,
            "mINP": definitions.inp,
        }.items()
    }
    curve = definitions.cmc(valid, scores.gallery)
    means |= {f"rank{k}": curve[min(k, len(curve)) - 1] for k in (1, 5, 10, 20)}
    assert scores.measures() == pytest.approx(means, abs=1e-12)
    share = len(valid) / len(every)
    over_all = {name: mean * share for name, mean in means.items()}
    assert scores.measures("all") == pytest.approx(over_all, abs=1e-12)
    assert scores.cmc == pytest.approx(curve, abs=1e-12)
    assert (scores.queries, scores.valid_queries) == (len(every), len(valid))


@pytest.mark.parametrize(
    ("ranks", "trapezoid"),
    [
        ([1], 1.0),
        ([2], 1 / 4),
        ([7], 1 / 14),
        ([1, 2, 3], 1.0),
        ([1, 3], (1 + (1 / 2 + 2 / 3) / 2) / 2),
        ([2, 3], (1 / 4 + (1 / 2 + 2 / 3) / 2) / 2),
        ([2, 5], (1 / 4 + (1 / 4 + 2 / 5) / 2) / 2),
    ],
)
def test_trapezoid_by_hand(ranks, trapezoid):
    assert scored(ranks).ap_trapezoid[0] == pytest.approx(trapezoid, abs=1e-15)


def test_precision_at_hits_and_inp_by_hand():
    scores = scored([2, 5])
    assert scores.ap[0] == pytest.approx((1 / 2 + 2 / 5) / 2)
    assert scores.inp[0] == pytest.approx(2 / 5)


@given(st.sets(st.integers(1, 60), min_size=1))
def test_trapezoid_never_exceeds_precision_at_hits(ranks):
    scores = scored(sorted(ranks), gallery=60)
    assert scores.ap_trapezoid[0] <= scores.ap[0] + 1e-12


def test_queries_without_a_match_count_in_one_denominator_only():
    scores = scored([1, 2], [], [4], [])
    assert scores.valid.tolist() == [True, False, True, False]
    assert scores.measures()["rank1"] == 0.5
    assert scores.measures("all")["rank1"] == 0.25
    assert scores.mean_ap == pytest.approx((1 + 1 / 4) / 2)
    assert scores.measures("all")["mAP"] == pytest.approx((1 + 1 / 4) / 4)
    assert np.isnan(scores.ap).tolist() == [False, True, False, True]


def test_curve_is_as_long_as_the_gallery_and_rank_stops_there():
    scores = scored([1], [3], gallery=4)
    assert scores.cmc.tolist() == [0.5, 0.5, 1.0, 1.0]
    assert scores.rank(20) == 1.0


def test_nothing_to_find_is_an_error():
    with pytest.raises(ReidbenchError, match="none of the 2 queries has a match"):
        scored([], [])


def test_one_camera_leaves_nothing_to_find():
    with pytest.raises(ReidbenchError, match="cameras differ"):
        Market1501().scores(
            MatrixDistances(np.zeros((1, 2))), labels([1], [0]), labels([1, 2], [0, 0])
        )


def test_record_is_strict_json_and_comes_back_unrounded():
    scores = scored([1, 3], [], [7])
    text = json.dumps(scores.to_dict(), allow_nan=False)
    again = Scores.from_dict(json.loads(text))
    assert json.dumps(again.to_dict()) == text
    for name in ("pid", "first", "ap", "ap_trapezoid", "inp"):
        np.testing.assert_array_equal(getattr(again, name), getattr(scores, name))


def test_record_names_every_measure_and_both_denominators():
    record = scored([1, 3], [], [7]).to_dict()
    measures = ["rank1", "rank5", "rank10", "rank20", "mAP", "mAP_trapezoid", "mINP"]
    assert list(record) == [
        *measures, "over_all_queries", "queries", "valid_queries", "gallery", "ties",
        "cmc", "per_query",
    ]  # fmt: skip
    assert list(record["over_all_queries"]) == measures
    assert len(record["cmc"]) == 7
    assert record["per_query"]["ap"][1] is None
