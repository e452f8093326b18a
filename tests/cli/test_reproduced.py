from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.made_results import make_result, save_all


@pytest.fixture
def before(tmp_path):
    return save_all([make_result(0.4, seed) for seed in range(2)], tmp_path / "results")


def test_equal_results_end_well(invoke, before):
    result = invoke("reproduced", before, "--results", before)
    assert result.exit_code == 0
    assert result.stdout.strip() == "all 2 results are equal"


def test_a_difference_is_shown_and_is_the_exit_status(invoke, before, tmp_path):
    made = make_result(0.4, 0)
    scores = {**made.scores, "mAP": 0.4321}
    save_all([replace(made, scores=scores)], tmp_path / "again")
    result = invoke("reproduced", tmp_path / "again", "--results", before)
    assert result.exit_code == 1
    assert "3.21 points" in result.stdout
    assert "scores.mAP" in result.stdout
    assert "1 not made again" in result.stdout
    told = json.loads(
        invoke("reproduced", tmp_path / "again", "--results", before, "--json").stdout
    )
    assert told["deviations"][0]["fields"] == ["scores.mAP"]
    assert not told["holds"]


def test_nothing_to_compare_is_no_success(invoke, before, tmp_path):
    save_all([make_result(seed=5)], tmp_path / "again")
    result = invoke("reproduced", tmp_path / "again", "--results", before)
    assert result.exit_code == 1
    assert "nothing was compared" in result.stdout


def test_a_folder_without_results_is_an_error(invoke, before, tmp_path):
    result = invoke("reproduced", tmp_path / "none", "--results", before)
    assert result.exit_code != 0
    assert "no results" in result.stderr
