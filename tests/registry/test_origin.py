"""Whose a component is: the project's own names are nobody else's, and keys tell strangers."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent

import pytest

from reidbench.registry.loading import load_from, load_plugins
from reidbench.registry.origin import _NAMES, BUNDLED_NAMES, OWN, Origin, origin_of, source_of
from reidbench.registry.registry import KINDS, Entry, Registration, Registry

Ship = Callable[..., list[EntryPoint]]
ROOT = Path(__file__).parents[2]
LISTENERS = {"tensorboard"}
TOYS = "reidbench.testing.toys"
INSTALLED = list(importlib.metadata.entry_points(group="reidbench"))
"""Found before a test lays out a distribution that may hide one of them."""

REGISTERS = """
    from reidbench.hookspecs import hookimpl

    @hookimpl
    def reidbench_register(registry):
        registry.{kind}("{name}", {rest})
"""


@pytest.fixture
def ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ship]:
    """Lay out a distribution with one entry point, and return that."""
    monkeypatch.syspath_prepend(tmp_path)
    modules: list[str] = []

    def make(distribution: str, point: str, module: str, code: str) -> list[EntryPoint]:
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(dedent(code))
        info = tmp_path / f"{distribution.replace('-', '_')}-3.1.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 3.1\n"
        )
        (info / "entry_points.txt").write_text(f"[reidbench]\n{point} = {module}\n")
        return list(importlib.metadata.Distribution.at(info).entry_points)

    yield make
    for module in modules:
        sys.modules.pop(module, None)


def registers(kind: str, name: str) -> str:
    rest = 'translator="cyclegan"' if kind == "method" else f'"{TOYS}:ToyLearner"'
    return REGISTERS.format(kind=kind, name=name, rest=rest)


def test_the_list_of_the_projects_names_is_what_its_plugins_register() -> None:
    registry = load_plugins().registry
    items = [(k, e.name, e) for k in KINDS for e in registry.entries(k)]
    every = [*items, *(("method", m.name, m) for m in registry.methods())]
    ours = {
        (kind, name): item.plugin
        for kind, name, item in every
        if item.origin.bundled and item.plugin != "reidbench"
    }
    assert ours == BUNDLED_NAMES


def test_every_plugin_of_the_project_is_on_the_list() -> None:
    shipped = set()
    for path in ROOT.glob("plugins/*/pyproject.toml"):
        project = tomllib.loads(path.read_text())["project"]
        ((point, module),) = project["entry-points"]["reidbench"].items()
        assert (project["name"], module) == (f"reidbench-{point}", f"reidbench_{point}")
        shipped.add(point)
    assert shipped == set(_NAMES)
    assert shipped - LISTENERS == set(BUNDLED_NAMES.values())


@pytest.mark.parametrize("distribution", ["aaa", "reidbench-aaa", "reidbench-ide"])
@pytest.mark.parametrize(("kind", "name"), [("learner", "ide"), ("method", "spgan")])
def test_a_stranger_that_sorts_first_takes_no_name_of_the_project(
    ship: Ship, distribution: str, kind: str, name: str
) -> None:
    stranger = ship(distribution, "aaa", "plugin_aaa", registers(kind, name))
    found = load_from([*stranger, *INSTALLED])
    registry = found.registry
    got = registry.method(name) if kind == "method" else registry.entry("learner", name)
    assert got.origin.bundled
    assert got.plugin == BUNDLED_NAMES[kind, name]
    (broken,) = [p for p in found.found if p.error]
    assert (broken.name, broken.bundled) == ("aaa", False)
    assert f"({distribution} 3.1; {got.origin} has it)" in broken.error
    assert registry.contested[kind, name] == [f"plugin 'aaa' of {distribution} 3.1"]


def test_a_stranger_that_names_itself_as_a_plugin_of_the_project_breaks(ship: Ship) -> None:
    stranger = ship("aaa", "ide", "plugin_ide", registers("learner", "mine"))
    found = load_from([*stranger, *INSTALLED])
    assert found.registry.entry("learner", "ide").origin.bundled
    (broken,) = [p for p in found.found if p.error]
    assert broken.distribution == "aaa"
    assert "the plugin 'ide' is loaded already" in broken.error


def test_a_name_of_the_project_is_kept_where_its_plugin_is_not_installed(ship: Ship) -> None:
    found = load_from(ship("aaa", "aaa", "plugin_aaa", registers("learner", "ide")))
    (broken,) = found.registry.broken
    assert "'ide' of plugin 'aaa' has the name of one of plugin 'ide'" in broken.error
    assert "(aaa 3.1; reidbench-ide has it)" in broken.error
    assert not list(found.registry.entries("learner"))


def test_only_the_projects_own_modules_make_a_distribution_the_projects(ship: Ship) -> None:
    own = {p.name: origin_of(p) for p in INSTALLED}
    assert own["ide"].bundled
    assert own["ide"].distribution == "reidbench-ide"
    for distribution, point, module in (
        ("reidbench-ide", "ide", "plugin_other"),
        ("reidbench-ide", "idee", "reidbench_ide"),
        ("reidbench-new", "new", "reidbench_new"),
    ):
        (found,) = ship(distribution, point, module, "")
        assert not origin_of(found).bundled
    assert origin_of(EntryPoint("x", "y", "reidbench")) == Origin("?", "?")


def test_keys_name_the_distribution_of_strangers_alone() -> None:
    named = []
    for origin in (OWN, Origin("mine-dist", "1.0")):
        registration = Registration("mine", origin)
        registration.learner("mine", f"{TOYS}:ToyLearner")
        named.append(registration.entries[0].identity())
    assert named == [{}, {"distribution": "mine-dist"}]


def test_what_is_recorded_of_a_component() -> None:
    told = Entry(
        "learner", "toy", f"{TOYS}:ToyLearner", "toys", origin=Origin("d", "2")
    ).provenance()
    source = told.pop("source")
    assert len(source) == 16
    assert told == {
        "kind": "learner",
        "name": "toy",
        "version": 1,
        "plugin": "toys",
        "distribution": "d",
        "distribution_version": "2",
        "bundled": False,
    }
    assert OWN.bundled


def test_two_names_of_one_registration_break_it() -> None:
    twice = Registration("twice")
    for _ in range(2):
        twice.learner("mine", f"{TOYS}:ToyLearner")
    registry = Registry()
    with pytest.raises(Exception, match="'twice' is already registered by plugin 'twice'"):
        registry.add(twice)


def test_the_source_of_a_component_is_its_module_and_what_that_imports_of_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "made_of_files"
    (package / "deep").mkdir(parents=True)
    files = {
        "__init__.py": "",
        "part.py": "from made_of_files.near import X\nfrom .deep import far\nclass Part: pass\n",
        "near.py": "X = 1\n",
        "deep/__init__.py": "",
        "deep/far.py": "from ..near import X\nfrom . import last\n",
        "deep/last.py": "",
        "other.py": "Y = 1\n",
    }
    for name, text in files.items():
        (package / name).write_text(text)
    from reidbench.registry import origin

    part = importlib.import_module("made_of_files.part").Part
    before, changed = source_of(part), {}
    for name in files:
        (package / name).write_text(files[name] + "# changed\n")
        origin._digest.cache_clear()
        changed[name] = source_of(part) != before
        (package / name).write_text(files[name])
    origin._digest.cache_clear()
    for name in [n for n in sys.modules if n.startswith("made_of_files")]:
        del sys.modules[name]
    assert {n for n, moved in changed.items() if not moved} == {"__init__.py", "other.py"}
