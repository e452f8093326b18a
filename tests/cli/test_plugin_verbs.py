"""``reidbench plugin check`` tells what fails and why; verbs of plugins stand in the help."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from reidbench.cli import cli
from reidbench.registry.loading import load_plugins
from reidbench.testing.checks import find_subjects
from tests.acceptance.ground import write_plugin

Install = Callable[[str, str], Path]

SOUND = """
    from reidbench.hookspecs import hookimpl
    from reidbench.interfaces import within
    from reidbench.evaluation.protocols import Market1501

    class Mine(Market1501):
        def __init__(self, *, part: float = 1.0) -> None:
            within(0, 1, part=part)

    @hookimpl
    def reidbench_register(registry):
        registry.protocol("mine", "reidbench_mine:Mine")
"""
POSITIONAL = SOUND.replace("*, part", "part")
VERB = '''
    import click
    from reidbench.hookspecs import hookimpl

    @click.command()
    def weigh():
        """Weigh all results."""

    @hookimpl
    def reidbench_commands(cli):
        cli.add_command(weigh)
'''
BROKEN = {
    "is-loaded": ("import nothing_of_that_name", "ModuleNotFoundError: No module named"),
    "registers-without-torch": ("import torch", "importing reidbench_mine imports torch"),
    "components-can-be-imported": (
        SOUND.replace("reidbench_mine:Mine", "reidbench_mine:Yours"),
        "cannot be loaded from reidbench_mine:Yours",
    ),
    "methods-compose": (
        SOUND
        + '        registry.method("mine", translator="cyclegan", parameters={"cyclegan.x": 1})\n',
        "method 'mine': 'cyclegan' has no parameter 'x'",
    ),
    "verbs-explain-themselves": (
        VERB.replace('"""Weigh all results."""', "pass"),
        "the verb 'weigh' has no help",
    ),
}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    def add(name: str, code: str) -> Path:
        site = write_plugin(tmp_path / "site", name, code)
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(__import__("sys").modules, f"reidbench_{name}", raising=False)
        load_plugins.cache_clear()
        return site

    load_plugins.cache_clear()
    yield add
    load_plugins.cache_clear()


def run(*args: str):
    return CliRunner().invoke(cli, list(args))


def test_a_sound_plugin_passes(install):
    install("mine", SOUND)
    done = run("plugin", "check", "mine")
    assert done.exit_code == 0, done.output
    assert "Failed" not in done.stdout
    assert "2 parts: 14 checks passed, 0 failed, 1 skipped" in done.stdout
    assert "no golden values are recorded" in done.stdout


def test_a_mistake_is_told_with_why_and_how_to_mend_it(install):
    install("mine", POSITIONAL)
    done = run("plugin", "check", "mine")
    assert done.exit_code == 1
    (line,) = [x for x in done.stdout.splitlines() if "signature-is-a-configuration" in x]
    assert line.split("  ")[0].strip() == "protocol mine"
    assert "parameter 'part' of Mine must be keyword-only" in line
    assert "The signature serves listing" in line
    assert "Make every parameter keyword-only (after *)" in line
    outcomes = json.loads(run("plugin", "check", "mine", "--json").stdout)
    failed = [o for o in outcomes if o["status"] == "failed"]
    assert failed[0]["check"] == "signature-is-a-configuration"
    assert failed[0]["part"] == "protocol mine"
    assert set(failed[0]) == {"part", "check", "status", "message", "why", "mend"}


def test_an_error_that_every_check_meets_is_told_once(install):
    install("mine", SOUND.replace("within(0, 1, part=part)", "raise RuntimeError('no luck')"))
    outcomes = json.loads(run("plugin", "check", "mine", "--json").stdout)
    failed = [o["check"] for o in outcomes if o["status"] == "failed"]
    assert failed == ["constructor-builds-nothing"]
    told = [o["message"] for o in outcomes if o["message"].startswith("as constructor-builds")]
    assert len(told) >= 4


@pytest.mark.parametrize("check", BROKEN)
def test_a_mistake_of_the_plugin_is_found_by_the_check_meant_for_it(install, check):
    code, told = BROKEN[check]
    install("mine", code)
    done = run("plugin", "check", "mine", "--json")
    found = {o["check"]: o for o in json.loads(done.stdout)}
    assert found[check]["status"] == "failed"
    assert told in found[check]["message"]
    assert done.exit_code == 1


def test_a_part_or_a_distribution_can_be_named(install):
    install("mine", SOUND)
    plugins = load_plugins()
    by_distribution = find_subjects(plugins, "reidbench-cyclegan")
    assert [s.title for s in by_distribution] == ["plugin cyclegan", "translator cyclegan"]
    assert [s.title for s in find_subjects(plugins, "sianet")] == ["constraint sianet"]
    assert [s.title for s in find_subjects(plugins)] == ["plugin mine", "protocol mine"]
    wrong = run("plugin", "check", "sianett")
    assert wrong.exit_code == 2
    assert "no plugin or component is named 'sianett'; did you mean 'sianet'" in wrong.stderr


def test_without_strangers_it_says_how_to_check_the_bundled(install):
    done = run("plugin", "check")
    assert done.exit_code == 0
    assert "'reidbench plugin check --bundled' checks these" in done.stdout
    assert run("plugin", "check", "mine", "--bundled").exit_code == 2


def test_values_are_set_for_the_check(install):
    install("mine", SOUND)
    done = run("plugin", "check", "mine", "--set", "mine.part=7")
    assert done.exit_code == 1
    assert "part must be in [0, 1], got 7" in done.stdout


def test_golden_values_are_recorded_and_hold_for_one_version_alone(install):
    site = install("mine", SOUND)
    assert run("plugin", "check", "mine", "--record").stdout == f"{site / 'golden.json'}\n"
    recorded = json.loads((site / "golden.json").read_text())
    assert recorded["protocol mine"]["version"] == 1
    assert run("plugin", "check", "mine").exit_code == 0
    entry = recorded["protocol mine"]
    for changed, told in (
        ({**entry, "version": 2}, "golden values are of version 2, the class is version 1"),
        ({**entry, "values": {**entry["values"], "mAP": 0.5}}, "recorded for version 1: 0.5"),
        ({**entry, "values": {"other": 1.0}}, "recorded are ['other']"),
    ):
        (site / "golden.json").write_text(json.dumps({"protocol mine": changed}))
        done = run("plugin", "check", "mine")
        assert done.exit_code == 1
        assert told in done.stdout


def test_verbs_of_plugins_stand_under_their_own_heading(install):
    assert "Verbs of plugins" not in run("--help").stdout
    install("scales", VERB)
    own, _, theirs = run("--help").stdout.partition("Verbs of plugins:")
    assert "weigh" not in own
    assert theirs.split("\n")[1] == "  weigh  Weigh all results. [scales]"
