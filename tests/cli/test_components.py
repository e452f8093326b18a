from __future__ import annotations

import json

import pytest

from reidbench.interfaces import IdentityConstraint
from reidbench.plugins import Plugin
from reidbench.registry import Broken, Registration
from tests.data.trees import market_tree

HERE = "tests.cli.test_components"


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
    assert {r["name"] for r in overview["method"]} == {"direct", "supervised", "weighed"}
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
    monkeypatch.setattr("reidbench.plugins.load_plugins", lambda: found)


def test_plugins_are_listed_with_what_they_add(invoke, plugins):
    (core,) = json.loads(invoke("plugin", "list", "--json").stdout)
    assert core["name"] == "reidbench"
    assert core["components"]["method"] == ["direct", "supervised"]
    assert "translator" not in core["components"]
    text = invoke("plugin", "list").stdout
    assert "works" in text
    assert "method direct, supervised" in text


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


def test_datasets_are_listed_with_terms_of_use(invoke, scales):
    ours = Registration("more")
    ours.dataset("gone", "no_such_module:Gone")
    scales.registry.add(ours)
    rows = {r["name"]: r for r in json.loads(invoke("data", "list", "--json").stdout)}
    assert rows["synthetic"]["masks"] is True
    assert "Research only" in rows["market1501"]["terms"]
    assert "cannot be loaded" in rows["gone"]["error"]
    assert "cannot be loaded" in invoke("data", "list").stdout


def test_a_whole_copy_is_counted(invoke, plugins):
    result = invoke("data", "check", "synthetic", "--set", "dataset.ids=8", "--json")
    facts = json.loads(result.stdout)
    assert result.exit_code == 0
    assert facts["problems"] == []
    assert facts["splits"]["train"]["persons"] == 4
    assert len(facts["fingerprint"]) == 32
    text = invoke("data", "check", "synthetic", "--set", "dataset.ids=8").stdout
    assert "nothing is wrong with this copy" in text


def test_what_is_wrong_with_a_copy_is_told(invoke, plugins, tmp_path):
    root = market_tree(tmp_path)
    result = invoke("data", "check", "market1501", "--data-root", root)
    assert result.exit_code == 1
    assert "problem: bounding_box_train: images" in result.stdout
    assert "this copy of 'market1501' has" in result.stderr


def test_junk_and_distractors_are_no_persons(invoke, plugins, tmp_path):
    root = market_tree(tmp_path)
    result = invoke("data", "check", "market1501", "--data-root", root, "--json")
    assert json.loads(result.stdout)["splits"]["gallery"] == {
        "images": 6,
        "persons": 2,
        "cameras": 5,
        "distractors": 1,
        "junk": 2,
    }


def test_the_data_root_is_named_by_the_environment(invoke, plugins, tmp_path, monkeypatch):
    monkeypatch.setenv("REIDBENCH_DATA_ROOT", str(market_tree(tmp_path)))
    assert "problem:" in invoke("data", "check", "market1501").stdout


@pytest.mark.parametrize(
    ("args", "code", "error"),
    [
        (["market1501"], 2, "--data-root"),
        (["market1502"], 2, "did you mean 'market1501'?"),
        (["market1501", "--data-root", "/nowhere"], 1, "/nowhere"),
        (["synthetic", "--set", "dataset.domian=b"], 2, "did you mean 'domain'?"),
        (["synthetic", "--set", "source.domain=b"], 2, "only dataset.PARAMETER"),
        (["synthetic", "--set", "domain"], 2, "--set takes NAME.PARAMETER=VALUE"),
        (["synthetic", "--set", "dataset.domain=q"], 2, "domain"),
    ],
)
def test_what_cannot_be_checked_is_one_error(invoke, plugins, monkeypatch, args, code, error):
    monkeypatch.delenv("REIDBENCH_DATA_ROOT", raising=False)
    result = invoke("data", "check", *args)
    assert result.exit_code == code
    assert error in result.stderr
    assert len([x for x in result.stderr.splitlines() if x.startswith("error")]) == 1
