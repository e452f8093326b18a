import hashlib
import json
from itertools import combinations
from pathlib import Path

import pytest

from reidbench.data.readers.divided import few
from reidbench.data.readers.divisions import PLANS, DivisionPlan, committed_text, load_divisions
from reidbench.errors import ReidbenchError

EVERY = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)


@EVERY
def test_a_committed_file_is_what_is_drawn_anew(plan: DivisionPlan) -> None:
    assert plan.path.read_text() == committed_text(plan)


def test_every_committed_file_has_a_plan() -> None:
    assert {path.stem for path in PLANS["grid"].path.parent.iterdir()} == set(PLANS)


@EVERY
def test_ten_different_divisions_of_everybody(plan: DivisionPlan) -> None:
    divisions = load_divisions(plan.path)
    assert len(set(divisions.train)) == 10
    for train in divisions.train:
        assert list(train) == sorted(set(train))
        assert len(train) == plan.trained
        assert set(train) <= set(range(1, plan.persons + 1))


@EVERY
def test_divisions_are_as_random_as_they_should_be(plan: DivisionPlan) -> None:
    splits = [set(split) for split in load_divisions(plan.path).train]
    overlaps = [len(a & b) for a, b in combinations(splits, 2)]
    share = plan.trained / plan.persons
    # Of the mean and variance of a hypergeometric draw.
    expected = plan.trained * share
    deviation = (expected * (1 - share) ** 2 * plan.persons / (plan.persons - 1)) ** 0.5
    assert abs(sum(overlaps) / len(overlaps) - expected) < deviation
    assert max(abs(overlap - expected) for overlap in overlaps) < 4.5 * deviation


@pytest.mark.parametrize("name", ["cuhk01", "ilids"])
def test_draws_choose_evenly(name: str) -> None:
    divisions = load_divisions(PLANS[name].path)
    draws = [draw for split in divisions.draws for draw in split]
    assert [len(split) for split in divisions.draws] == [PLANS[name].persons] * 10
    assert all(0 <= draw < 840 for draw in draws)
    for images in range(2, 9):
        for image in range(images):
            found = sum(draw % images == image for draw in draws)
            expected = len(draws) / images
            assert abs(found - expected) < 4.5 * expected**0.5


def test_the_checksum_is_of_the_divisions_themselves() -> None:
    content = json.loads(PLANS["ilids"].path.read_text())
    text = json.dumps(content["train"]) + json.dumps(content["draws"])
    assert content["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    label = load_divisions(PLANS["ilids"].path).label(3)
    assert label == f"reidbench ilids.json sha256:{content['sha256'][:8]} split 3"


def test_prid2011_is_divided_as_it_was_in_the_first_release() -> None:
    assert load_divisions(PLANS["prid2011"].path).sha256.startswith("5bf159d8ab00d4cf")


@pytest.mark.parametrize("section", ["train", "draws"])
def test_a_changed_file_is_refused(tmp_path: Path, section: str) -> None:
    content = json.loads(PLANS["cuhk01"].path.read_text())
    content[section][3][0] += 1
    changed = tmp_path / "cuhk01.json"
    changed.write_text(json.dumps(content))
    with pytest.raises(ReidbenchError, match=r"cuhk01\.json does not match its checksum; reinst"):
        load_divisions(changed)


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"sha256": "", "train": {}}', "7"])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str | None) -> None:
    damaged = tmp_path / "grid.json"
    if text is not None:
        damaged.write_text(text)
    with pytest.raises(ReidbenchError, match=r"grid\.json does not match its checksum"):
        load_divisions(damaged)


def test_a_long_list_is_cut() -> None:
    assert few(["b", "a"]) == "a, b"
    assert few("cab") == "a, b, c"
    assert few("dcab") == "a, b, c and 1 more"
