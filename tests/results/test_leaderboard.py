from __future__ import annotations

import json
import random
import re
import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reidbench.evaluation.trials import Spread
from reidbench.results.leaderboard import Leaderboard, build
from reidbench.results.leaderboard_tables import cost_rows, markdown, translation_quality_rows
from reidbench.results.numbers import percent, rounded
from reidbench.results.result import Unreadable
from tests.made_results import make_result, make_seeds, with_sections


def names(leaderboard: Leaderboard) -> list[list[str]]:
    return [[row.entry.recipe for row in board.rows] for board in leaderboard.boards]


def reasons(leaderboard: Leaderboard) -> list[str]:
    return [u.reason for u in leaderboard.unranked]


def test_recipes_stand_in_the_order_of_mean_map():
    results = [
        *make_seeds([0.1, 0.1, 0.1], recipe="direct"),
        *make_seeds([0.9, 0.0, 0.0], recipe="lucky"),
        *make_seeds([0.4, 0.5, 0.6], recipe="spgan"),
    ]
    board = build(results)
    assert names(board) == [["spgan", "lucky", "direct"]]
    assert [row.place for row in board.boards[0].rows] == [1, 2, 3]
    assert board.unranked == ()


def test_mean_and_sample_deviation_over_the_seeds():
    row = build(make_seeds([0.2, 0.3, 0.7])).boards[0].rows[0]
    spread = row.entry.measures["mAP"]
    assert spread.mean == pytest.approx(0.4)
    assert spread.sd == pytest.approx(statistics.stdev([0.2, 0.3, 0.7]))
    assert spread.n == 3
    assert percent(spread) == "40.0 ± 26.5"


def test_one_seed_has_no_deviation():
    assert percent(Spread(0.123, None, 1)) == "12.3"


def test_equal_means_share_a_place():
    results = [r for n in ("a", "b", "c") for r in make_seeds([0.5] * 3, recipe=n)]
    results += make_seeds([0.4] * 3, recipe="d")
    assert [row.place for row in build(results).boards[0].rows] == [1, 1, 1, 4]


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_files_changes_nothing(rng: random.Random):
    results = [
        *make_seeds([0.1, 0.7, 0.3], recipe="a"),
        *make_seeds([0.1, 0.3, 0.7], recipe="b"),
        *make_seeds([0.2, 0.2], recipe="c"),
        *make_seeds([0.2, 0.2, 0.2], recipe="c", version=2),
        *make_seeds([0.2, 0.2, 0.2], recipe="c", precision="bf16"),
    ]
    shuffled = rng.sample(results, len(results))
    assert build(shuffled) == build(results)


def test_a_recipe_without_all_seeds_is_not_ranked():
    board = build([*make_seeds([0.9], recipe="one"), *make_seeds([0.1] * 3, recipe="all")])
    assert names(board) == [["all"]]
    assert reasons(board) == ["seeds 1, 2 missing"]
    assert board.unranked[0].entry.seeds == (0,)


def test_the_benchmark_for_trying_plugins_ranks_nothing():
    results = make_seeds([0.9] * 3)
    mock = [replace(r, benchmark={**r.benchmark, "name": "mock"}) for r in results]
    board = build([*mock, *make_seeds([0.1] * 3, recipe="real")])
    assert names(board) == [["real"]]
    assert reasons(board) == ["mock is for trying plugins: its numbers mean nothing"]


def test_a_seed_beyond_the_benchmarks_does_not_count():
    board = build([*make_seeds([0.1] * 3), make_result(0.9, seed=7)])
    assert board.boards[0].rows[0].entry.measures["mAP"].mean == pytest.approx(0.1)
    assert reasons(board) == ["not among the benchmark's seeds"]


def test_a_modified_recipe_is_not_ranked_and_says_what_was_changed():
    results = make_seeds([0.9] * 3, modified={"sianet.margin": 1.5, "budget.steps": 100})
    board = build(results)
    assert board.boards == ()
    assert reasons(board) == ["modified: budget.steps=100, sianet.margin=1.5"]


def test_untouched_and_modified_runs_of_one_recipe_are_not_mixed():
    untouched = make_seeds([0.1, 0.1])
    board = build([*untouched, make_result(0.9, seed=2, modified={"budget.steps": 800})])
    assert board.boards == ()
    assert sorted(reasons(board)) == ["modified: budget.steps=800", "seed 2 missing"]


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"digest": "e" * 16},
        {"source": {"name": "synthetic", "fingerprint": "c" * 32}},
        {"target": {"name": "synthetic", "fingerprint": "c" * 32}},
        {"protocol": {"name": "market1501", "version": 2}},
        {"protocol": {"name": "single-shot", "version": 1}},
        {"seeds": [0, 1]},
    ],
)
def test_results_of_different_settings_never_share_a_table(change):
    same = make_seeds([0.5] * 3, recipe="a")
    changed = [
        replace(r, benchmark={**r.benchmark, **change}) for r in make_seeds([0.9] * 3, recipe="b")
    ]
    assert sorted(map(sorted, names(build([*same, *changed])))) == [["a"], ["b"]]


def test_precisions_never_share_a_table():
    board = build([*make_seeds([0.5] * 3), *make_seeds([0.9] * 3, precision="bf16")])
    assert [b.setting.precision for b in board.boards] == ["float32", "bf16"]


def test_other_initial_weights_are_another_row():
    results = [*make_seeds([0.5] * 3), *make_seeds([0.9] * 3, provenance="ImageNet, sha256 1234")]
    rows = build(results).boards[0].rows
    assert [r.entry.weights for r in rows] == ["ImageNet, sha256 1234", "random initialisation"]


def test_seeds_of_other_weights_do_not_complete_a_recipe():
    results = [*make_seeds([0.5] * 2), make_result(0.9, seed=2, provenance="ImageNet")]
    assert sorted(reasons(build(results))) == ["seed 2 missing", "seeds 0, 1 missing"]


def test_a_copied_file_counts_once():
    results = make_seeds([0.1, 0.2, 0.3])
    row = build([*results, results[2]]).boards[0].rows[0]
    assert row.entry.measures["mAP"].n == 3


def test_a_seed_that_scored_twice_differently_is_not_ranked():
    board = build([*make_seeds([0.1, 0.2, 0.3]), make_result(0.4, seed=2)])
    assert board.boards == ()
    assert reasons(board) == ["seed 2 scored differently in two files"]


def test_one_recipe_under_two_names_is_one_row():
    results = make_seeds([0.1, 0.2, 0.3], digest="f" * 32)
    results[1] = make_result(0.2, 1, recipe="cyclegan+sianet+ide", digest="f" * 32)
    assert names(build(results)) == [["cyclegan+sianet+ide = spgan"]]


def test_use_of_target_data_is_declared():
    results = [*make_seeds([0.5] * 3), *make_seeds([0.9] * 3, recipe="supervised", labels=True)]
    rows = build(results).boards[0].rows
    assert [r.entry.uses for r in rows] == [("images", "labels"), ("images",)]
    assert "| images, labels |" in markdown(build(results))


def test_the_newest_version_comes_first():
    results = [*make_seeds([0.5] * 3), *make_seeds([0.5] * 3, version=2)]
    assert [b.setting.version for b in build(results).boards] == [2, 1]


def test_synthetic_results_say_so_in_the_title():
    real = make_seeds([0.5] * 3, name="market1501-to-prid2011", synthetic=False)
    titles = [b.setting.title for b in build([*make_seeds([0.5] * 3), *real]).boards]
    assert titles == [
        "market1501-to-prid2011 (version 1, float32)",
        "synthetic (version 1, synthetic images, float32)",
    ]


def test_the_page_holds_every_table():
    results = [*make_seeds([0.4, 0.5, 0.6]), *make_seeds([0.9], recipe="lucky")]
    page = markdown(build(results, [Unreadable(make_result().file_name, "not a result")]))
    ranked, rest = page.split("## Not ranked")
    assert "## synthetic (version 1, synthetic images, float32)" in ranked
    assert re.search(r"\| 1 \| spgan \| 50\.0 ± 10\.0 \|", ranked)
    assert "lucky" not in ranked
    assert re.search(r"\| lucky \| 90\.0 \|.*\| 0 \| seeds 1, 2 missing \|", rest)
    assert "not a result" in rest.split("## Not results")[1]


def test_every_line_of_a_table_has_the_same_columns():
    results = [r for n in ("a|b", "c\\|d", "e") for r in make_seeds([0.5] * 3, recipe=n)]
    lines = [x for x in markdown(build(results)).splitlines() if x.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines}) == 1


def test_markup_in_a_name_is_shown_as_text():
    page = markdown(build(make_seeds([0.5] * 3, recipe="<img src=x>\n# [a](b)")))
    assert "<img" not in page.replace("\\<", "")
    assert "\n# [" not in page


def test_everything_is_json():
    results = [*make_seeds([0.4, 0.5, 0.6]), *make_seeds([0.9], recipe="lucky")]
    record = json.loads(json.dumps(build(results).to_dict()))
    row = record["boards"][0]["rows"][0]
    assert row["entry"]["measures"]["mAP"] == {"mean": 0.5, "sd": pytest.approx(0.1), "n": 3}
    assert record["unranked"][0]["reason"] == "seeds 1, 2 missing"


def test_no_results_make_an_empty_board():
    assert build([]).to_dict() == {"boards": [], "unranked": [], "unreadable": []}


def test_translation_quality_stands_in_a_table_of_its_own():
    results = [
        *with_sections(make_seeds([0.5] * 3), guided=True),
        *with_sections(make_seeds([0.4] * 3, recipe="other"), translated=None, fid=2345.6),
        *make_seeds([0.3] * 3, recipe="older"),
    ]
    board = build(results)
    (first, second) = translation_quality_rows(board.boards[0])
    accuracy = "90.0 ± 0.0 → 60.0 ± 0.0 (guided)"
    assert first == ["spgan", accuracy, "12.5", "0.01", "0.8", "ide learned from a train"]
    assert second[:3] == ["other", "90.0 ± 0.0", "2.35 k"]
    table = markdown(board).split("### Translation quality")[1].split("### Cost")[0]
    assert f"| spgan | {accuracy} |" in table
    assert "older" not in table


def test_accuracy_is_ranked_against_cost():
    how = {
        "cheap": (0.2, 1e9),
        "middle": (0.4, 2e12),
        "worse": (0.3, 2e12),
        "best": (0.5, 4e12),
        "wasteful": (0.4, 5e12),
        "dear": (0.5, 6e12),
    }
    results = [
        r
        for name, (score, training) in how.items()
        for r in with_sections(make_seeds([score] * 3, recipe=name), training=training)
    ]
    board = build([*results, *make_seeds([0.9] * 3, recipe="older")])
    rows = cost_rows(board.boards[0])
    assert [(r[0], r[5], r[-1]) for r in rows] == [
        ("cheap", "1 G", "yes"),
        ("middle", "2 T", "yes"),
        ("worse", "2 T", ""),
        ("best", "4 T", "yes"),
        ("wasteful", "5 T", ""),
        ("dear", "6 T", ""),
        ("older", "-", ""),
    ]
    assert rows[0][1:5] == ["20.0 ± 0.0", "4", "1.5 M", "2 M"]
    assert rows[0][6:9] == ["40 k", "5 M", "60"]
    assert rows[-1][2:9] == ["-"] * 7
    assert "| wasteful | 40.0 ± 0.0 |" in markdown(board).split("### Cost")[1]


def test_who_saw_less_of_the_target_is_not_beaten_by_who_saw_more():
    how = {"labelled": (0.5, 1e12, True), "blind": (0.4, 2e12, False), "dear": (0.3, 3e12, True)}
    results = [
        r
        for name, (score, training, labels) in how.items()
        for r in with_sections(
            make_seeds([score] * 3, recipe=name, labels=labels), training=training
        )
    ]
    rows = cost_rows(build(results).boards[0])
    assert {r[0]: r[-1] for r in rows} == {"labelled": "yes", "blind": "yes", "dear": ""}


def test_equal_scores_at_equal_cost_are_both_worth_it():
    results = [r for n in ("a", "b") for r in with_sections(make_seeds([0.5] * 3, recipe=n))]
    assert [r[-1] for r in cost_rows(build(results).boards[0])] == ["yes", "yes"]


def test_results_of_earlier_versions_make_no_further_tables():
    board = build(make_seeds([0.5] * 3))
    assert translation_quality_rows(board.boards[0]) == cost_rows(board.boards[0]) == []
    assert "###" not in markdown(board)


def test_a_quantity_that_one_seed_does_not_tell_is_unknown():
    first, *others = with_sections(make_seeds([0.5] * 3))
    board = build([replace(first, cost={}), *others])
    entry = board.boards[0].rows[0].entry
    assert entry.value("cost") is None
    assert entry.value("fid") == 12.5


@pytest.mark.parametrize(
    ("column", "order"),
    [
        ("mAP", "abc"),
        ("fid", "cab"),
        ("translated_accuracy", "bac"),
        ("ssim", "abc"),
        ("seconds", "cab"),
    ],
)
def test_rows_are_ordered_by_any_column(column, order):
    how = {
        "a": {"fid": 20.0, "translated": 0.5, "seconds": 9.0},
        "b": {"fid": None, "translated": 0.7, "seconds": None},
        "c": {"fid": 10.0, "translated": None, "seconds": 3.0},
    }
    results = [
        r
        for score, (name, values) in zip((0.6, 0.5, 0.4), how.items(), strict=True)
        for r in with_sections(make_seeds([score] * 3, recipe=name), **values)
    ]
    board = build(results).boards[0].ordered(column)
    assert "".join(row.entry.recipe for row in board.rows) == order
    assert sorted((row.entry.recipe, row.place) for row in board.rows) == [
        ("a", 1),
        ("b", 2),
        ("c", 3),
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.00123, "0.00123"),
        (999.4, "999"),
        (999.6, "1 k"),
        (1.5e6, "1.5 M"),
        (2e19, "2e+04 P"),
    ],
)
def test_numbers_are_short(value, shown):
    assert rounded(value) == shown
