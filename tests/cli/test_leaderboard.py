from __future__ import annotations

import json

import pytest

from tests.made_results import make_seeds, save_all, with_sections


@pytest.fixture
def results(tmp_path):
    return save_all(
        [
            *make_seeds([0.4, 0.5, 0.6]),
            *make_seeds([0.1, 0.1, 0.1], recipe="direct"),
            *make_seeds([0.9], recipe="lucky"),
            *make_seeds([0.2] * 3, name="other", synthetic=False),
        ],
        tmp_path / "results",
    )


def test_tables_of_ranked_and_unranked(invoke, results):
    result = invoke("leaderboard", "--results", results)
    assert result.exit_code == 0
    ranked, rest = result.stdout.split("Not ranked")
    assert ranked.index("spgan") < ranked.index("direct")
    assert "50.0 ± 10.0" in ranked
    assert "synthetic (version 1, synthetic images, float32)" in ranked
    assert "lucky" not in ranked
    assert "seeds 1, 2 missing" in rest


def test_json(invoke, results):
    record = json.loads(invoke("leaderboard", "--results", results, "--json").stdout)
    assert [b["setting"]["benchmark"] for b in record["boards"]] == ["other", "synthetic"]
    assert [r["entry"]["recipe"] for r in record["boards"][1]["rows"]] == ["spgan", "direct"]


def test_one_benchmark(invoke, results):
    args = ("leaderboard", "--results", results, "--benchmark", "other", "--json")
    record = json.loads(invoke(*args).stdout)
    assert len(record["boards"]) == 1
    assert record["unranked"] == []


def test_an_unknown_benchmark_names_the_nearest(invoke, results):
    result = invoke("leaderboard", "--results", results, "--benchmark", "sinthetic")
    assert result.exit_code == 2
    assert "did you mean 'synthetic'?" in result.stderr


def test_the_page_is_written_as_it_is_printed(invoke, results):
    printed = invoke("leaderboard", "--results", results, "--markdown").stdout
    written = invoke("leaderboard", "--results", results, "--write")
    page = results / "LEADERBOARD.md"
    assert written.stdout == f"{page}\n"
    assert page.read_text() == printed
    assert printed.startswith("# Leaderboard\n")
    assert invoke("leaderboard", "--results", results, "--markdown").stdout == printed


@pytest.mark.parametrize(
    "options",
    [("--json", "--markdown"), ("--write", "--json"), ("--write", "--benchmark", "synthetic")],
)
def test_options_that_exclude_each_other(invoke, results, options):
    result = invoke("leaderboard", "--results", results, *options)
    assert result.exit_code == 2
    assert not (results / "LEADERBOARD.md").exists()


@pytest.mark.parametrize("folder", [".", "none"])
def test_no_results_say_how_to_make_some(invoke, tmp_path, folder):
    result = invoke("leaderboard", "--results", tmp_path / folder)
    assert result.exit_code == 1
    assert "reidbench sweep --method all" in result.stderr


def test_a_broken_file_is_told_beside_the_tables(invoke, results):
    (results / "synthetic" / "half.json").write_text('{"schema": 1')
    result = invoke("leaderboard", "--results", results)
    assert result.exit_code == 0
    assert "half.json: not a result" in result.stderr
    assert "spgan" in result.stdout


def test_reported_numbers_are_never_shown(invoke, results):
    (results / "reported").mkdir()
    (results / "reported" / "paper.toml").write_text('name = "paperonly"\nmAP = 99.9\n')
    for form in ((), ("--json",), ("--markdown",)):
        assert "paperonly" not in invoke("leaderboard", "--results", results, *form).output


@pytest.fixture
def costly(tmp_path):
    return save_all(
        [
            *with_sections(make_seeds([0.5] * 3, recipe="dear"), training=7e15),
            *with_sections(make_seeds([0.4] * 3, recipe="cheap")),
            *make_seeds([0.3] * 3, recipe="older"),
        ],
        tmp_path / "costly",
    )


def test_tables_of_translation_and_cost(invoke, costly):
    shown = invoke("leaderboard", "--results", costly).stdout
    quality, cost = shown.split("\nTranslation quality")[1].split("\nCost")
    assert "90.0 ± 0.0 → 60.0 ± 0.0" in quality
    assert cost.index("cheap") < cost.index("dear") < cost.index("older")
    assert "7 P" in cost
    assert "Identity accuracy: how often" in shown
    assert "Pareto-optimal: no other row" in shown


def test_rows_by_cost(invoke, costly, results):
    args = ("leaderboard", "--results", costly, "--by", "cost", "--json")
    (board,) = json.loads(invoke(*args).stdout)["boards"]
    assert [r["entry"]["recipe"] for r in board["rows"]] == ["cheap", "dear", "older"]
    assert [r["place"] for r in board["rows"]] == [2, 1, 3]
    assert board["rows"][1]["entry"]["quantities"]["cost"]["mean"] == 7e15
    assert invoke("leaderboard", "--results", results, "--by", "cost").exit_code == 0


def test_the_page_keeps_its_order(invoke, costly):
    result = invoke("leaderboard", "--results", costly, "--by", "cost", "--write")
    assert result.exit_code == 2
    assert "--write takes no --by" in result.stderr


def test_an_unknown_column_is_refused(invoke, results):
    result = invoke("leaderboard", "--results", results, "--by", "colour")
    assert result.exit_code == 2
    assert "'flops_step'" in result.stderr


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ("csv", "benchmark,version,"),
        ("latex", "\\toprule"),
        ("markdown", "# Leaderboard"),
        ("json", '"boards"'),
    ],
)
def test_other_formats(invoke, results, form, word):
    result = invoke("leaderboard", "--results", results, "--format", form)
    assert (result.exit_code, word in result.stdout) == (0, True)
    assert invoke("leaderboard", "--results", results, "--format", form, "--write").exit_code == 2


def test_a_page_that_is_not_what_the_results_give_is_told(invoke, results):
    check = ("leaderboard", "--results", results, "--check")
    missing = invoke(*check)
    assert missing.exit_code == 1
    assert "--write" in missing.stderr
    invoke("leaderboard", "--results", results, "--write")
    assert invoke(*check).exit_code == 0
    save_all(make_seeds([0.3, 0.3, 0.4], recipe="another lab's"), results)
    assert invoke(*check).exit_code == 1


def test_results_of_others_are_merged_by_their_files(invoke, results, tmp_path):
    theirs = save_all(make_seeds([0.7, 0.8, 0.9], recipe="theirs"), tmp_path / "theirs")
    for file in (theirs / "synthetic").iterdir():
        file.rename(results / "synthetic" / file.name)
    shown = invoke("leaderboard", "--results", results, "--json", "--benchmark", "synthetic")
    (board,) = json.loads(shown.stdout)["boards"]
    assert [r["entry"]["recipe"] for r in board["rows"]] == ["theirs", "spgan", "direct"]


@pytest.mark.parametrize(
    ("made", "reason", "seeds"),
    [
        (make_seeds([0.4]), "seeds 1, 2 missing", "1,2"),
        (make_seeds([0.4] * 3, modified={"budget.steps": 8}), "modified: budget.steps=8", "0,1,2"),
    ],
    ids=["seeds", "set by hand"],
)
@pytest.mark.parametrize("verb", ["leaderboard", "plot"])
def test_where_nothing_is_ranked_it_says_what_is_missing_and_what_makes_it(
    invoke, tmp_path, verb, made, reason, seeds
):
    save_all(made, tmp_path / "results")
    done = invoke(verb, "--results", tmp_path / "results", "--benchmark", "synthetic")
    command = f"reidbench sweep --method spgan --benchmark synthetic --seeds {seeds}"
    assert f"spgan: {reason} (make it: {command})" in done.stdout + done.stderr
    assert done.exit_code == (0 if verb == "leaderboard" else 2)


def test_the_commands_that_make_what_is_missing_are_in_the_json(invoke, results):
    unranked = json.loads(invoke("leaderboard", "--results", results, "--json").stdout)["unranked"]
    assert [u["command"] for u in unranked] == [
        "reidbench sweep --method lucky --benchmark synthetic --seeds 1,2"
    ]


def test_the_table_of_a_board_with_ranked_rows_says_no_more(invoke, results):
    assert "make it:" not in invoke("leaderboard", "--results", results).stdout


def test_a_table_of_very_many_rows_reads_the_same(invoke, results, monkeypatch):
    save_all(make_seeds([0.2], recipe="[b]人"), results)
    printed = invoke("leaderboard", "--results", results).stdout
    monkeypatch.setattr("reidbench.cli.tables.MANY", 0)
    at_once = invoke("leaderboard", "--results", results).stdout
    assert [line.rstrip() for line in at_once.splitlines()] == [
        line.rstrip() for line in printed.splitlines()
    ]
    save_all(make_seeds([0.2], recipe="\x1b[31m"), results)
    assert " \\x1b[31m " in invoke("leaderboard", "--results", results).stdout


def test_json_is_of_ascii_letters(invoke, results):
    save_all(make_seeds([0.2], recipe="人"), results)
    printed = invoke("leaderboard", "--results", results, "--json").stdout
    assert printed.isascii()
    assert "人" in {row["entry"]["recipe"] for row in json.loads(printed)["unranked"]}
