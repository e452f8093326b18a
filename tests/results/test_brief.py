"""The leaderboard reads results in part, and takes and refuses what reading them whole does."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from reidbench.results.brief import load_all_in_brief
from reidbench.results.leaderboard import build
from reidbench.results.result import Result, load_all
from tests.hostile.mutations import altered, damaged
from tests.made_results import make_seeds, save_all, with_sections
from tests.results.test_gap import direct, made, perfect

RESULTS = Path(__file__).parents[2] / "results"
DIGEST = "feedc0de" * 4  # of letters too: files with long numbers are read whole


def rich_result() -> Result:
    """Return a result with every table that is checked, and with what is skipped."""
    part = {"kind": "learner", "name": "odd", "version": 1, "distribution": "other"}
    component = {**part, "distribution_version": "2", "bundled": False, "source": "c" * 64}
    result = with_sections(make_seeds([0.5], digest=DIGEST))[0]
    truth = {"person": {"rmse": 9.5}, "colour": 4, "identity_retained": {"translated": 0.25}}
    return replace(
        result,
        recipe={**result.recipe, "components": [component]},
        translation={**result.translation, "truth": truth, "note": "é"},
        warnings=["at chance"],
        training={"gradient_shares": [{"step": 1, "terms": {"a": {"norm": 1.5, "share": None}}}]},
    )


def assert_alike(folder: Path) -> None:
    whole, brief = load_all(folder), load_all_in_brief(folder)
    assert brief.unreadable == whole.unreadable
    assert [r.digest for r in brief] == [r.digest for r in whole]
    assert build(brief.results) == build(whole.results)


def test_the_committed_results_rank_as_when_they_are_read_whole():
    assert len(load_all_in_brief(RESULTS)) > 50
    assert_alike(RESULTS)


def test_every_table_of_the_leaderboard_is_told(tmp_path):
    results = [f(v, s) for f in (direct, made, perfect) for s, v in enumerate((0.2, 0.3, 0.4))]
    save_all([*results, rich_result()], tmp_path)
    assert_alike(tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_results_are_refused_with_the_same_words(tmp_path, seed):
    rng, whole = random.Random(seed), rich_result().to_dict()
    folder = tmp_path / "synthetic"
    folder.mkdir()
    for number in range(150):
        record = json.dumps(altered(whole, rng) if number % 3 else whole).encode()
        content = record if number % 3 == 1 else damaged(record, rng)
        (folder / f"{number}.json").write_bytes(content)
    (folder / "folder.json").mkdir()
    os.mkfifo(folder / "pipe.json")
    assert 5 < len(load_all(tmp_path)) < 140
    assert_alike(tmp_path)


@pytest.mark.parametrize(
    ("skipped", "reason"),
    [
        (b"1" + b"0" * 30, "is too large"),
        (b'"\xff"', "can't decode byte"),
        (b'"\\ud800"', "is half of a character"),
        (b"NaN", "is not JSON"),
        (b"[1,]", "Expecting value"),
    ],
)
def test_what_is_skipped_is_checked_for_being_json(tmp_path, skipped, reason):
    result = rich_result()
    path = result.save(tmp_path)
    record = json.dumps({**result.to_dict(), "stranger": "?"}).encode()
    path.write_bytes(record.replace(b'"?"', skipped))
    assert_alike(tmp_path)
    (unreadable,) = load_all_in_brief(tmp_path).unreadable
    assert reason in unreadable.reason


def test_a_table_of_null_tells_nothing(tmp_path):
    result = rich_result()
    save_all([replace(result, translation={"accuracy": None, "truth": None})], tmp_path)
    assert_alike(tmp_path)
    (found,) = load_all_in_brief(tmp_path)
    assert found.quantity("real_accuracy") is None


def test_results_of_one_recipe_share_its_tables(tmp_path):
    save_all(make_seeds([0.1, 0.2, 0.3], digest=DIGEST), tmp_path)
    first, second, third = load_all_in_brief(tmp_path)
    assert first.benchmark is second.benchmark is third.benchmark
    assert first.recipe is second.recipe is third.recipe


def test_a_folder_that_is_missing_or_may_not_be_read_holds_no_results(tmp_path):
    assert load_all_in_brief(tmp_path / "none").results == ()
