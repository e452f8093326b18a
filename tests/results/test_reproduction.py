from __future__ import annotations

import math
from dataclasses import replace

import pytest

from reidbench.results.reproduction import hold_against
from tests.made_results import make_result

MACHINE = {"torch": "1", "stages": []}
BEFORE = [replace(make_result(0.4, seed), execution=MACHINE) for seed in (0, 1)]


def again(**changes):
    return replace(BEFORE[0], **changes)


def test_equal_results_hold_whatever_the_machine_was():
    found = hold_against([again(execution={"torch": "2"}), BEFORE[1]], BEFORE)
    assert found.holds
    assert found.same == tuple(sorted(result.file_name for result in BEFORE))
    assert found.verdict == "all 2 results are equal"


def test_one_query_that_differs_is_found_and_named():
    scores = {**BEFORE[0].scores, "per_query": {"pid": [1, 2], "ap": [0.1, None]}}
    found = hold_against([again(scores=scores), BEFORE[1]], BEFORE)
    assert not found.holds
    assert found.same == (BEFORE[1].file_name,)
    (deviation,) = found.deviations
    assert deviation.file == BEFORE[0].file_name
    assert deviation.fields == ("scores.per_query.ap",)
    assert deviation.largest == 0
    assert found.verdict == "1 of 2 results differ"


def test_the_greatest_difference_of_a_measure_and_the_machine_are_told():
    scores = {**BEFORE[0].scores, "mAP": 0.25, "mINP": BEFORE[0].scores["mINP"] + 0.01}
    found = hold_against([again(scores=scores, execution={"torch": "2", "stages": []})], BEFORE)
    (deviation,) = found.deviations
    assert deviation.largest == pytest.approx(0.15)
    assert deviation.made == (("torch", "1", "2"),)


def test_a_missing_score_is_no_equal_score():
    scores = {name: value for name, value in BEFORE[0].scores.items() if name != "mINP"}
    (deviation,) = hold_against([again(scores=scores)], BEFORE).deviations
    assert deviation.fields == ("scores.mINP",)
    assert math.isnan(deviation.largest)
    assert deviation.to_dict()["largest"] is None


def test_facts_that_the_cache_no_longer_told_are_not_compared():
    before = replace(BEFORE[0], cost={"training_flops": 5, "translation": {"networks": 2}})
    lacking = replace(before, cost={"training_flops": None, "translation": {}})
    assert hold_against([lacking], [before]).holds
    other = replace(before, cost={"training_flops": 6, "translation": {}})
    assert hold_against([other], [before]).deviations[0].fields == ("cost.training_flops",)


def test_a_lost_warning_is_a_difference():
    before = replace(BEFORE[0], warnings=["learner at chance"])
    other = replace(before, warnings=["it returns its input"])
    assert hold_against([other], [before]).deviations[0].fields == ("warnings",)


def test_what_has_no_counterpart_is_listed_and_proves_nothing():
    other, elsewhere = (
        make_result(seed=7),
        replace(BEFORE[0], benchmark={**BEFORE[0].benchmark, "name": "b"}),
    )
    found = hold_against([other], [*BEFORE, elsewhere])
    assert not found.holds
    assert found.only_again == (other.file_name,)
    assert found.not_again == tuple(sorted(r.file_name for r in BEFORE))  # of this benchmark alone
    assert found.verdict.startswith("nothing was compared")
