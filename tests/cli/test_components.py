from __future__ import annotations

import json

import pytest

from reidbench.interfaces import IdentityConstraint
from reidbench.registry.loading import Plugin
from reidbench.registry.registry import Broken, Registration

HERE = "tests.cli.test_components"

CORE = [
    "direct",
    "perfect",
    "perfect-colour",
    "perfect-place",
    "perfect-viewpoint",
    "supervised",
]
"""The methods of the core."""


class Weigh(IdentityConstraint):
    """Weighs a person.

    What it says in more detail.
    """

    version = 3
    needs = frozenset({"rec", "mask"})

    def __init__(self, *, kilos: float, units: list[str] | None = None) -> None:
        super().__init__()

    def setup(self, ctx) -> None:
        raise NotImplementedError

    def losses(self, hops, clock):
        raise NotImplementedError


@pytest.fixture
def scales(plugins):
    """A plugin with a constraint, one that cannot be imported, and a method."""
    ours = Registration("scales")
    ours.constraint("weigh", f"{HERE}:Weigh", summary="keeps the weight", paper="Scale 2026")
    ours.constraint("gone", "no_such_module:Gone", summary="is gone")
    ours.method(
        "weighed",
        translator="cyclegan",
        constraints=["weigh"],
        parameters={"weigh.kilos": 70.0},
        paper="Scale 2026",
    )
    plugins.registry.add(ours)
    return plugins


def test_components_are_listed_by_kind(invoke, scales):
    overview = json.loads(invoke("list", "--json").stdout)
    assert [r["name"] for r in overview["constraint"]] == ["gone", "weigh"]
    assert {r["name"] for r in overview["method"]} == {*CORE, "weighed"}
    assert {"market1501", "prid2011", "synthetic"} <= {r["name"] for r in overview["dataset"]}
    assert "synthetic" in [r["name"] for r in overview["benchmark"]]
    row = {"name": "weigh", "summary": "keeps the weight", "plugin": "scales"}
    assert row | {"paper": "Scale 2026"} in overview["constraint"]


def test_the_overview_is_read_by_a_person(invoke, scales):
    text = invoke("list").stdout
    assert "Constraints" in text
    assert "keeps the weight" in text
    assert text.endswith("reidbench list NAME\n")


def test_a_component_shows_parameters_with_types_and_defaults(invoke, scales):
    (row,) = json.loads(invoke("list", "weigh", "--json").stdout)
    assert row["kind"] == "constraint"
    assert row["paper"] == "Scale 2026"
    assert row["facts"]["about"] == "Weighs a person."
    assert row["facts"]["version"] == 3
    assert row["facts"]["needs"] == ["mask", "rec"]
    assert row["parameters"] == [
        {"name": "kilos", "type": "float", "default": None, "required": True},
        {"name": "units", "type": "list[str] | None", "default": None, "required": False},
    ]
    text = invoke("list", "weigh").stdout
    assert "kilos      float             required" in text
    assert "--set weigh.PARAMETER=VALUE" in text


def test_a_method_shows_what_it_is_made_of(invoke, scales):
    (row,) = json.loads(invoke("list", "weighed", "--json").stdout)
    assert row["facts"]["constraints"] == ["weigh"]
    assert row["facts"]["sets"] == {"weigh.kilos": 70.0}
    assert "weigh.kilos=70.0" in invoke("list", "weighed").stdout


def test_everything_of_a_name_is_shown(invoke, plugins):
    rows = json.loads(invoke("list", "synthetic", "--json").stdout)
    assert [row["kind"] for row in rows] == ["dataset", "benchmark"]
    text = invoke("list", "synthetic").stdout
    assert "--set source.PARAMETER=VALUE or --set target.PARAMETER=VALUE" in text
    assert "image size" in text


@pytest.mark.parametrize(
    ("section", "parameter"), [("budget", "steps"), ("embedding", "flip"), ("ranking", "rerank")]
)
def test_sections_of_a_recipe_are_shown(invoke, plugins, section, parameter):
    (row,) = json.loads(invoke("list", section, "--json").stdout)
    assert parameter in [p["name"] for p in row["parameters"]]
    assert section in invoke("list").stdout


def test_an_unknown_name_names_the_nearest_and_the_broken_plugins(invoke, scales):
    scales.registry.broken.append(Broken("bad", "ImportError: x"))
    result = invoke("list", "wiegh")
    assert result.exit_code == 2
    assert "did you mean 'weigh'?" in result.stderr
    assert "plugin 'bad' failed to load" in result.stderr


def test_a_component_that_cannot_be_imported_is_one_error(invoke, scales):
    result = invoke("list", "gone")
    assert result.exit_code == 1
    assert "constraint 'gone' of plugin 'scales' cannot be loaded" in result.stderr


@pytest.fixture
def broken(monkeypatch, plugins):
    bad = Plugin("bad", "reidbench-bad", "0.1", "ImportError: no torch", "Traceback: here\n")
    found = type(plugins)(plugins.registry, (*plugins.found, bad), plugins.manager)
    found.registry.broken.append(Broken("bad", bad.error))
    monkeypatch.setattr("reidbench.registry.loading.load_plugins", lambda: found)


def test_plugins_are_listed_with_what_they_add(invoke, plugins):
    (core,) = json.loads(invoke("plugin", "list", "--json").stdout)
    assert core["name"] == "reidbench"
    assert core["components"]["method"] == CORE
    assert core["components"]["translator"] == ["files", "perfect"]
    assert "constraint" not in core["components"]
    assert core["versions"]["translator"] == {"files": 1, "perfect": 1}
    assert "method" not in core["versions"]
    text = invoke("plugin", "list").stdout
    assert "works" in text
    assert f"method {', '.join(CORE)}; translator files v1, perfect v1;" in " ".join(text.split())


def test_a_broken_plugin_is_listed_with_its_error(invoke, broken):
    result = invoke("plugin", "list")
    assert result.exit_code == 0
    assert "bad is broken: ImportError: no torch" in result.stdout
    assert "Traceback" not in result.stdout
    assert "Traceback: here" in invoke("--debug", "plugin", "list").stdout
    rows = json.loads(invoke("plugin", "list", "--json").stdout)
    assert [row["error"] for row in rows] == ["", "ImportError: no torch"]


def test_installed_plugins_are_found_and_none_is_broken(invoke):
    rows = json.loads(invoke("plugin", "list", "--json").stdout)
    assert {"reidbench", "cyclegan", "spgan", "ide"} <= {row["name"] for row in rows}
    assert [row["error"] for row in rows if row["error"]] == []


@pytest.fixture
def twice(scales):
    """A second way to weigh, and a method with it."""
    ours = Registration("more")
    ours.translator("mirror", "reidbench.testing.toys:ToyTranslator")
    ours.constraint("weigh@heavy", f"{HERE}:Heavy")
    ours.learner("ide", "reidbench.testing.toys:ToyLearner")
    for name, learning in (("slow", 0.1), ("fast", 0.2)):
        ours.method(name, translator="mirror", parameters={"ide.lr": learning, "budget.steps": 9})
    scales.registry.add(ours)
    return scales


class Heavy(Weigh):
    """Weighs in tons."""

    def __init__(self, *, kilos: float = 1000.0, units: list[str] | None = None, tare: int = 0):
        super().__init__(kilos=kilos, units=units)


def test_differences_of_components_leave_out_what_is_equal(invoke, twice):
    found = json.loads(invoke("list", "--diff", "weigh", "weigh@heavy", "--json").stdout)
    assert found["kind"] == "constraint"
    assert found["rows"] == [
        {"name": "kilos", "first": [None], "second": [1000.0]},
        {"name": "tare", "first": [], "second": [0]},
    ]
    text = invoke("list", "--diff", "weigh", "weigh@heavy").stdout
    assert "constraints weigh and weigh@heavy, by the papers' own values" in text
    assert "tare       -      0" in text
    assert "units" not in text


def test_differences_of_methods_are_of_resolved_values(invoke, twice):
    args = ("list", "--diff", "slow", "fast", "--json")
    assert json.loads(invoke(*args).stdout)["rows"] == [
        {"name": "ide.lr", "first": [0.1], "second": [0.2]}
    ]
    # The benchmark fixes the learning rate for both.
    on = json.loads(invoke(*args, "--benchmark", "synthetic").stdout)
    assert (on["benchmark"], on["rows"]) == ("synthetic", [])
    same = invoke("list", "--diff", "slow", "fast", "--benchmark", "synthetic").stdout
    assert "no parameter differs" in same


def test_differences_of_methods_name_parts_that_one_side_lacks(invoke, twice):
    rows = json.loads(invoke("list", "--diff", "direct", "slow", "--json").stdout)["rows"]
    sides = {r["name"]: (r["first"], r["second"]) for r in rows}
    assert sides["translator"] == (["none"], ["mirror"])
    assert sides["strategy"] == (["source"], ["finetune"])
    assert sides["budget.steps"] == ([], [9])
    assert "learner" not in sides


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["--diff", "weihg", "weigh"], "did you mean 'weigh'?"),
        (["--diff", "weigh", "direct"], "'weigh' (constraint) and 'direct' (method) cannot be"),
        (["--diff", "slow", "fast", "--benchmark", "sinthetic"], "did you mean 'synthetic'?"),
        (["weigh", "--benchmark", "synthetic"], "--benchmark goes with --diff"),
        (["weigh", "--diff", "slow", "fast"], "--diff A B takes no other name"),
        (["--reported", "spgna"], "did you mean 'spgan'?"),
    ],
)
def test_what_cannot_be_laid_side_by_side_is_one_error(invoke, twice, args, error):
    result = invoke("list", *args)
    assert result.exit_code == 2
    assert error in result.stderr


def test_reported_numbers_are_listed_by_paper(invoke, plugins):
    rows = json.loads(invoke("list", "--reported", "simpgan", "--json").stdout)
    assert {r["file"] for r in rows} == {"simpgan"}
    text = invoke("list", "--reported", "simpgan").stdout
    assert "Reported, not measured: table 1 of Lv and Wang" in text
    assert "cuhk01 -> grid" in text
    assert "sagan" in {r["file"] for r in json.loads(invoke("list", "--reported", "--json").stdout)}


def test_studies_are_listed_and_shown_with_their_runs(invoke, plugins):
    overview = json.loads(invoke("list", "--json").stdout)
    assert "spgan-table1" in [r["name"] for r in overview["study"]]
    assert "Studies" in invoke("list").stdout
    (row,) = json.loads(invoke("list", "spgan-figure9a", "--json").stdout)
    assert row["kind"] == "study"
    assert row["facts"]["runs"][0] == "SPGAN, margin = 0"
    assert "reidbench sweep --study spgan-figure9a" in invoke("list", "spgan-figure9a").stdout
