"""Splits, folds and seeds: mean and spread."""

from __future__ import annotations

import json
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reidbench.errors import ReidbenchError
from reidbench.evaluation import Scores, Trials, spread


def split(ranks, gallery):
    found = [np.array([r] if r else [], np.int64) for r in ranks]
    return Scores.from_ranks(np.arange(1, len(ranks) + 1), found, gallery, "stable")


def test_spread_is_the_sample_standard_deviation():
    values = [0.4, 0.5, 0.9]
    got = spread(values)
    assert got.mean == pytest.approx(statistics.mean(values))
    assert got.sd == pytest.approx(statistics.stdev(values))
    assert got.n == 3


def test_one_value_has_no_spread():
    assert spread([0.5]).to_dict() == {"mean": 0.5, "sd": None, "n": 1}


def test_splits_weigh_the_same_however_many_queries_they_have():
    trials = Trials((split([1], 5), split([2, 2, 2], 5)))
    assert trials.measures()["rank1"] == spread([1.0, 0.0])
    assert trials.measures()["mAP"] == spread([1.0, 0.5])
    assert trials.measures("all")["mAP"] == spread([1.0, 0.5])


def test_curves_of_different_length_end_at_their_last_value():
    trials = Trials((split([1, 2], 2), split([1, 4], 4)))
    assert trials.cmc.tolist() == [0.5, 0.75, 0.75, 1.0]


def test_record_holds_the_spread_and_every_split():
    record = json.loads(json.dumps(Trials((split([1, 0], 5), split([2], 5))).to_dict()))
    assert record["mAP"] == 0.75
    assert record["spread"]["mAP"] == {"mean": 0.75, "sd": pytest.approx(np.sqrt(0.125)), "n": 2}
    assert record["over_all_queries"]["mAP"] == 0.5
    assert (record["queries"], record["valid_queries"], record["gallery"]) == (3, 2, 5)
    assert [s["mAP"] for s in record["splits"]] == [1.0, 0.5]


@pytest.mark.parametrize("empty", [lambda: Trials(()), lambda: spread([])])
def test_nothing_to_merge(empty):
    with pytest.raises(ReidbenchError, match=r"no (splits|values)"):
        empty()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12))
def test_the_spread_of_few_values_is_numpys_to_the_last_bit(values):
    found = spread(values)
    assert found.mean == float(np.mean(values))
    assert found.sd == (float(np.std(values, ddof=1)) if len(values) > 1 else None)
