"""What ``reidbench plugin new`` writes is found, conforms, and runs whole as it is."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from reidbench.cli import cli
from reidbench.cli.drafts import RUNS
from reidbench.cli.verbs.plugin_new import KINDS
from reidbench.registry.loading import load_plugins


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    load_plugins.cache_clear()
    yield
    load_plugins.cache_clear()


def new(kind: str, name: str, into: Path) -> Path:
    done = CliRunner().invoke(cli, ["plugin", "new", kind, name, "--into", str(into)])
    assert done.exit_code == 0, done.output
    return into / f"reidbench-{name}"


def install(folder: Path) -> None:
    """Lay out beside the code what an installer makes of ``pyproject.toml``."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    head = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(head.format(**project))
    points = project["entry-points"]["reidbench"].items()
    lines = ["[reidbench]", *(f"{name} = {target}" for name, target in points)]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


def own_tests(folder: Path) -> ModuleType:
    (path,) = (folder / "tests").glob("test_*.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", KINDS)
def test_a_draft_is_found_passes_its_checks_and_runs(kind, tmp_path, monkeypatch):
    folder = new(kind, f"my-{kind}", tmp_path)
    install(folder)
    monkeypatch.syspath_prepend(str(folder))
    load_plugins.cache_clear()
    checked = CliRunner().invoke(cli, ["plugin", "check", f"my-{kind}", "--json"])
    outcomes = json.loads(checked.stdout)
    assert [o["message"] for o in outcomes if o["status"] == "failed"] == []
    assert checked.exit_code == 0
    assert {o["part"] for o in outcomes} == {f"plugin my-{kind}"} | (
        {f"{kind} my-{kind}"} if kind != "verb" else set()
    )
    tests = own_tests(folder)
    (mark,) = tests.test_conforms.pytestmark
    assert len(mark.args[1]) == len(outcomes)  # its own tests make the same checks
    tests.test_it_runs_whole(tmp_path, monkeypatch)


def test_a_draft_tells_what_comes_next_and_where_the_paper_is(tmp_path):
    done = CliRunner().invoke(cli, ["plugin", "new", "constraint", "fast", "--into", str(tmp_path)])
    assert "reidbench plugin check fast" in done.stdout
    assert "reidbench run --method fast --benchmark mock" in done.stdout
    readme = (tmp_path / "reidbench-fast" / "README.md").read_text()
    assert "| paper | code | departs from it |" in readme
    assert "example" not in readme.lower()


def test_every_kind_has_a_command_that_runs_it():
    assert set(RUNS) == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("constraint", "sianet", "the name 'sianet' is taken"),
        ("translator", "spgan", "the name 'spgan' is taken"),  # by a method
        ("verb", "run", "the name 'run' is taken"),
        ("dataset", "target", "the name 'target' is taken"),
        ("learner", "My_Net", "'My_Net' is no name for a plugin"),
        ("learner", "../x", "is no name for a plugin"),
        ("learnr", "x", "'learnr' is not one of"),
    ],
)
def test_a_name_that_cannot_be_is_refused(tmp_path, kind, name, reason):
    done = CliRunner().invoke(cli, ["plugin", "new", kind, name, "--into", str(tmp_path)])
    assert done.exit_code == 2
    assert reason in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    folder = new("verb", "tell", tmp_path)
    (folder / "README.md").write_text("mine")
    done = CliRunner().invoke(cli, ["plugin", "new", "verb", "tell", "--into", str(tmp_path)])
    assert done.exit_code == 2
    assert "is there already" in done.stderr
    assert (folder / "README.md").read_text() == "mine"


def test_a_name_that_is_also_a_contracts_still_gives_a_class_of_its_own(tmp_path):
    code = new("constraint", "identity-constraint", tmp_path) / "reidbench_identity_constraint"
    assert "class MyIdentityConstraint(IdentityConstraint)" in (code / "constraint.py").read_text()
    assert "constraint:MyIdentityConstraint" in (code / "__init__.py").read_text()
