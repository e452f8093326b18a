"""``reidbench compare-rankings``: what it prints, in every form, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from reidbench.results.ranking_tables import CSV_COLUMNS
from tests.made_results import make_result, make_seeds, save_all

MEANS = {"direct": 0.1, "cyclegan": 0.3, "spgan": 0.4, "[bold]mine": 0.5}


@pytest.fixture
def results(tmp_path):
    """Two benchmarks that have SPGAN and CycleGAN in opposite orders, and one with two methods."""
    turned = {**MEANS, "spgan": 0.3, "cyclegan": 0.4}
    made = [
        result
        for name, means in (
            ("here", MEANS),
            ("there", turned),
            ("small", {"direct": 0.1, "spgan": 0.2}),
        )
        for recipe, mean in means.items()
        for result in make_seeds([mean + 0.01, mean, mean + 0.002], recipe=recipe, name=name)
    ]
    return save_all([*made, make_result(recipe="hhl", name="idle")], tmp_path / "results")


def test_two_benchmarks_are_shown_with_their_methods(invoke, results):
    done = invoke("compare-rankings", "here", "there", "--results", results)
    assert done.exit_code == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["spgan", "2", "3", "40.4", "30.4"] in lines
    assert ["[bold]mine", "1", "1", "50.4", "50.4"] in lines
    assert ["here", "there", "4", "+0.67", "+0.67", "to", "+0.67", "0.33", "+1.00", "+1.00",
            "5", "of", "6", "5", "of", "6"] in lines  # fmt: skip
    assert ["here", "there", "spgan", "cyclegan"] in lines
    assert "Told apart and reversed" in done.stdout
    assert "here has 3 seeds, which can be drawn in 27 ways" in done.stdout
    assert "once in twelve" in done.stdout


def test_without_names_every_pair_is_shown_and_no_list_of_methods(invoke, results):
    done = invoke("compare-rankings", "--results", results)
    starts = [line.split()[:2] for line in done.stdout.splitlines() if line.startswith(" here")]
    assert starts[0] == ["here", "there"]
    assert ["here", "spgan/table"] in starts
    assert "Methods of both" not in done.stdout
    assert "small" not in done.stdout


def test_json(invoke, results):
    args = ("compare-rankings", "here", "there", "--results", results)
    record = json.loads(invoke(*args, "--json", "--resamples", 200, "--seed", 4).stdout)
    assert (record["samples"], record["seed"], record["level"]) == (200, 4, 0.95)
    (found,) = record["comparisons"]
    assert set(found["correlation"]) == {"tau", "p_value", "low", "high", "every"}
    assert found["pairs"] == {"alike": 5, "reversed": 1, "of": 6}
    assert found["contradictions"] == [["spgan", "cyclegan"]]
    assert record == json.loads(
        invoke(*args, "--format", "json", "--resamples", 200, "--seed", 4).stdout
    )


def test_other_forms_are_for_other_programs(invoke, results):
    args = ("compare-rankings", "here", "there", "--results", results, "--format")
    lines = invoke(*args, "csv").stdout.splitlines()
    assert lines[0] == ",".join(CSV_COLUMNS)
    assert len(lines) == 2
    assert "| here | there | 4 | +0.67 |" in invoke(*args, "markdown").stdout
    assert r"here & there & 4 & +0.67 & +0.67 to +0.67" in invoke(*args, "latex").stdout


def test_methods_can_be_left_out_and_another_measure_taken(invoke, results):
    args = ("compare-rankings", "here", "there", "--results", results, "--measure", "rank5")
    record = json.loads(invoke(*args, "--without", "direct", "--json").stdout)
    assert record["measure"] == "rank5"
    (found,) = record["comparisons"]
    assert [m["name"] for m in found["methods"]] == ["[bold]mine", "spgan", "cyclegan"]
    assert found["first"]["others"] == []


@pytest.mark.parametrize(
    ("args", "code", "error"),
    [
        (("here", "here"), 2, "'here' cannot be compared with itself"),
        (("hre", "there"), 2, "did you mean 'here'?"),
        (("here", "small"), 2, "share 2 ranked methods (spgan, direct)"),
        (("here", "idle"), 2, "nothing is ranked on benchmark 'idle': hhl: seeds 1, 2 missing"),
        (("small",), 1, "no other order shares three ranked methods with 'small'"),
        (("here", "--without", "spgn"), 2, "did you mean 'spgan'?"),
        (("here", "--measure", "map"), 2, "'map' is not one of"),
        (("--format", "csv", "--json"), 2, "--format and --json exclude each other"),
    ],
)
def test_one_line_for_what_cannot_be_compared(invoke, results, args, code, error):
    done = invoke("compare-rankings", *args, "--results", results)
    assert done.exit_code == code
    assert error in done.stderr.splitlines()[0]


def test_neither_torch_nor_plugins_are_imported(results):
    heavy = {"torch", "matplotlib", "pluggy"}
    code = (
        "import sys\nfrom reidbench.cli import main\n"
        f"try:\n    main()\nexcept SystemExit:\n    print('HEAVY', set(sys.modules) & {heavy!r})"
    )
    command = [sys.executable, "-c", code, "compare-rankings"]
    done = subprocess.run(command, cwd=results.parent, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY set()"
