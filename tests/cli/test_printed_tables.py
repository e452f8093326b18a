"""The tables of ``run`` and ``sweep``, by their numbers."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from reidbench.cli import gradient_shares, show
from reidbench.results.result import Result
from tests.made_results import make_result, make_seeds

# Each measure has a value of its own, so that no column can stand for another.
FLOOR = (0.10, 0.11, 0.20, 0.42, 0.50, 0.05)
METHOD = (0.25, 0.24, 0.30, 0.40, 0.70, 0.04)
MEASURES = ("mAP", "mAP_trapezoid", "rank1", "rank5", "rank10", "mINP")


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def told(result: Result, **measures: float) -> Result:
    """Return the result with those measures, and with the counts that the caption tells."""
    return replace(result, scores={**result.scores, "valid_queries": 7, "gallery": 9, **measures})


def scored(recipe: str, values: tuple[float, ...]) -> Result:
    return told(make_result(recipe=recipe), **dict(zip(MEASURES, values, strict=True)))


def rows(printed: str) -> dict[str, list[str]]:
    """Return the cells of each row of the printed table, by the first one; in their order."""
    cells = [[c.strip() for c in re.split("[│┃]", line)[1:-1]] for line in printed.splitlines()]
    return {row[0]: row[1:] for row in cells if row}


def test_the_difference_is_the_method_less_the_floor(capsys: pytest.CaptureFixture[str]) -> None:
    show.measured([scored("direct", FLOOR), scored("spgan", METHOD)])
    found = rows(capsys.readouterr().out)
    headings = ["mAP", "mAP (trapezoid)", "rank-1", "rank-5", "rank-10", "mINP"]
    assert list(found.items()) == [
        ("recipe", headings),
        ("direct", ["10.0", "11.0", "20.0", "42.0", "50.0", "5.0"]),
        ("spgan", ["25.0", "24.0", "30.0", "40.0", "70.0", "4.0"]),
        ("difference", ["+15.0", "+13.0", "+10.0", "-2.0", "+20.0", "-1.0"]),
    ]


def test_the_difference_of_three_is_of_the_last_and_the_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    between = scored("cyclegan", (0.9,) * 6)
    show.measured([scored("direct", FLOOR), between, scored("spgan", METHOD)])
    assert rows(capsys.readouterr().out)["difference"][:2] == ["+15.0", "+13.0"]


def test_a_run_alone_differs_from_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show.measured([scored("direct", FLOOR)])
    assert list(rows(capsys.readouterr().out)) == ["recipe", "direct"]


def test_the_means_stand_in_the_order_of_map_the_best_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # By name, by the first seed, by the sum and by how they came, each would be another order.
    recipes = {"b": [0.30, 0.32], "a": [0.60, 0.10, 0.20], "d": [0.35, 0.37], "c": [0.05, 0.07]}
    show.means(
        [told(r) for name, values in recipes.items() for r in make_seeds(values, recipe=name)]
    )
    found = rows(capsys.readouterr().out)
    assert list(found) == ["recipe", "d", "b", "a", "c"]
    assert [row[0] for row in found.values()] == [
        "mAP",
        *("36.0 ± 1.4", "31.0 ± 1.4", "30.0 ± 26.5", "6.0 ± 1.4"),
    ]
    assert [row[-1] for row in found.values()] == ["seeds", "2", "2", "3", "2"]


def test_each_measure_has_its_own_mean(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = scored("direct", FLOOR), replace(scored("direct", METHOD), seed=1)
    show.means([first, second])
    found = rows(capsys.readouterr().out)["direct"]
    assert found == ["17.5 ± 10.6", "17.5 ± 9.2", "25.0 ± 7.1", "2"]


def test_gradient_shares_are_told_by_loss_and_step(capsys: pytest.CaptureFixture[str]) -> None:
    terms = {"cycle": {"norm": 0.16, "share": 0.0128}, "kept.x": {"norm": 12.3, "share": 0.987}}
    lost = {"cycle": {"norm": None, "share": None}}
    shares = [{"step": 0, "terms": terms}, {"step": 590, "terms": lost}]
    gradient_shares.show(replace(make_result(), training={"gradient_shares": shares}))
    _, *lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["loss", "step", "1", "step", "591"],
        ["cycle", "1.3", "(0.16)", "not", "finite"],
        ["kept.x", "98.7", "(12)", "-"],
    ]


def test_without_gradient_shares_the_reason_is_told_or_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    missing = {"gradient_shares_missing": "it is silent"}
    gradient_shares.show(make_result())
    assert capsys.readouterr().out == ""
    gradient_shares.show(replace(make_result(), training=missing))
    assert capsys.readouterr().out == "no gradient shares: it is silent\n"
