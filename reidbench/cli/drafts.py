"""First drafts of plugins, written from ``reidbench/templates``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

from reidbench.errors import UsageError, shown
from reidbench.registry.registry import Kind, Registration, Registry
from reidbench.storage.files import write_bytes

TEMPLATES = Path(__file__).parents[1] / "templates"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
VERB = "verb"

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "reidbench-example"
version = "0.1.0"
description = "The {kind} example for reidbench"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["reidbench"]

[project.optional-dependencies]
test = ["pytest"]

[project.entry-points."reidbench"]
example = "reidbench_example"

[tool.hatch.build.targets.wheel]
packages = ["reidbench_example"]
"""

REGISTERS = '''\
"""The {kind} example for reidbench. Nothing here may import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration

PAPER = "Author et al., Title, Venue Year"


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the {kind}{and_method}."""
    registry.{kind}(
        "example",
        "reidbench_example.{kind}:Example",
        summary="one line for 'reidbench list'",
        paper=PAPER,
    )
'''

METHOD = """\
    registry.method(
        "example",
{parts}
        summary="one line for 'reidbench list'",
        paper=PAPER,
    )
"""

ADDS = '''\
"""The verb example for reidbench. Nothing here may import torch."""

from __future__ import annotations

import click

from reidbench.hookspecs import hookimpl
from reidbench_example.verb import command


@hookimpl
def reidbench_commands(cli: click.Group) -> None:
    """Add the verb."""
    cli.add_command(command)
'''

# The parts of the method that a draft registers.
PARTS = {
    "translator": ('translator="example",', 'learner="ide",'),
    "constraint": ('translator="cyclegan",', 'constraints=["example"],', 'learner="ide",'),
    "learner": ('translator="none",', 'strategy="source",', 'learner="example",'),
}
# What follows `reidbench` to run it.
RUNS = {
    **dict.fromkeys(PARTS, "run --method example --benchmark mock"),
    "dataset": "run --method direct --benchmark mock --target example",
    "protocol": "run --method direct --benchmark mock --protocol example",
    "segmenter": "run --method sagan --benchmark mock --masks example",
    VERB: "example",
}

TESTS = '''\
"""What every {kind} must do, and what this one does."""

from click.testing import CliRunner

from reidbench.cli import cli
from reidbench.testing.checks import parametrize_with_checks


@parametrize_with_checks("example")
def test_conforms(check):
    check()


def test_it_runs_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path / "cache"))
    done = CliRunner().invoke(cli, "{run}".split())
    assert done.exit_code == 0, done.output
'''

README = """\
# reidbench-example

The {kind} `example`: Author et al., *Title*, Venue Year.

    pip install -e .[test]
    reidbench plugin check example
    pytest
    reidbench {run}

Scores on the benchmark `mock` mean nothing: it shows that everything runs.

## From the paper to the code

| paper | code | departs from it |
|---|---|---|
| eq. 1 | `{kind}.{symbol}` | nothing |
| section 3.1 | | |

## Decisions

The paper leaves these open, or contradicts itself.

| what | here | why |
|---|---|---|
| | | |

## Numbers

`reidbench plugin check example --record` records golden values for the class's `version`. Raise
`version` whenever its numbers change, and record them anew: results of equal versions are ranked
together.
"""


def write_plugin(kind: str, name: str, into: Path, registry: Registry) -> Path:
    """Write a distribution with one part; return its folder.

    Args:
        kind: of the part.
        name: of the part, of the plugin, and after ``reidbench-`` of the distribution.
        into: folder in which the distribution's folder is made.
        registry: what is installed; its names are taken.

    Raises:
        UsageError: if the name is not valid or taken, or the folder is there already.
    """
    _refuse_name(kind, name, registry)
    folder = into / f"reidbench-{name}"
    if folder.exists():
        raise UsageError(f"{shown(folder)} is there already; choose another name or --into")
    package = _package(name)
    code = (TEMPLATES / f"{kind}.py").read_text(encoding="utf-8")
    files = {
        "pyproject.toml": PYPROJECT.format(kind=kind),
        "README.md": README.format(kind=kind, run=RUNS[kind], symbol=_symbol(kind)),
        f"{package}/__init__.py": _entry(kind),
        f"{package}/{kind}.py": code,
        f"tests/test_{package}.py": TESTS.format(kind=kind, run=RUNS[kind]),
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / path, _renamed(text, name, _class_name(name, code)).encode())
    return folder


def run_of(kind: str, name: str) -> str:
    """Return the command that runs a draft."""
    return _renamed(f"reidbench {RUNS[kind]}", name, "")


def _entry(kind: str) -> str:
    if kind == VERB:
        return ADDS
    parts = PARTS.get(kind, ())
    text = REGISTERS.format(kind=kind, and_method=" and a method" if parts else "")
    lines = "\n".join(f"        {part}" for part in parts)
    return text + METHOD.format(parts=lines) if parts else text


def _symbol(kind: str) -> str:
    return {"constraint": "Example.losses", VERB: "command"}.get(kind, "Example")


def _renamed(text: str, name: str, class_name: str) -> str:
    """Return a text with the draft's names in place of "example", in each spelling."""
    text = text.replace("reidbench_example", _package(name))
    text = re.sub(r"\bExample\b(?!:)", class_name, text)
    return re.sub(r"\bexample\b", name, text)


def _package(name: str) -> str:
    return f"reidbench_{name.replace('-', '_')}"


def _class_name(name: str, code: str) -> str:
    """Return a name in capitals that stands for nothing else in the code."""
    spelled = "".join(part.capitalize() for part in name.split("-"))
    return f"My{spelled}" if re.search(rf"\b{spelled}\b", code) else spelled


def _refuse_name(kind: str, name: str, registry: Registry) -> None:
    if not NAME.fullmatch(name):
        raise UsageError(
            f"'{shown(name)}' is no name for a plugin: lower-case letters, digits and hyphens, a "
            "letter first"
        )
    if _is_taken(kind, name, registry):
        raise UsageError(f"the name '{name}' is taken; choose another")


def _is_taken(kind: str, name: str, registry: Registry) -> bool:
    from reidbench.cli import VERBS

    if kind == VERB:
        return name in VERBS
    part = cast(Kind, kind)
    try:
        getattr(Registration(name), part)(name, "module:Class")
    except ValueError:  # it means something else in --set
        return True
    methods = {m.name for m in registry.methods()} if kind in PARTS else set()
    return name in methods | {e.name for e in registry.entries(part)}
