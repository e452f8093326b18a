"""The pages say what is so: their links, commands, names and examples are checked."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

import reidbench
from reidbench.cli import cli
from reidbench.config import benchmark
from reidbench.registry.loading import load_plugins
from reidbench.registry.registry import Registry
from reidbench.studies import study
from reidbench.studies.plot_kinds import FIGURES, OF_BENCHMARKS, OF_CONSTRAINTS

ROOT = Path(__file__).parents[1]
GUIDE = [
    *(ROOT / "README.md", ROOT / "CONTRIBUTING.md"),
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / "benchmarks/README.md", *sorted((ROOT / "benchmarks").glob("*/README.md"))),
    *(ROOT / "results" / "README.md", ROOT / "reidbench/data/synthetic/README.md"),
]
PAGES = [
    *GUIDE,
    *sorted(ROOT.glob("plugins/*/README.md")),
    *sorted(ROOT.glob("examples/*/README.md")),
]
README_LINES, LINE = 200, 120

FENCE = re.compile(r"^\s*```(\w*)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$")


@dataclass(frozen=True)
class Page:
    """A page taken apart.

    Attributes:
        prose: its lines outside code, by number from 1.
        code: its blocks, each with its language; "" if none is said.
    """

    prose: tuple[tuple[int, str], ...]
    code: tuple[tuple[str, str], ...]


def read(path: Path) -> Page:
    prose: list[tuple[int, str]] = []
    code: list[tuple[str, str]] = []
    block: list[str] = []
    language: str | None = None  # of an open fence
    for number, line in enumerate([*path.read_text().splitlines(), ""], 1):
        fence = FENCE.match(line)
        if fence or (language is None and block and line.strip() and not line.startswith("    ")):
            code += [(language or "", "\n".join(block))] if block else []
            block = []
        if fence:
            language = fence[1] if language is None else None
        elif language is not None or line.startswith("    ") or (block and not line.strip()):
            block.append(line if language is not None else line[4:])
        else:
            prose.append((number, line))
    return Page(tuple(prose), (*code, *([(language or "", "\n".join(block))] if block else [])))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def slugs(path: Path) -> set[str]:
    titles = [m[1].lower() for _, line in read(path).prose if (m := HEADING.match(line))]
    return {re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-") for title in titles}


def commands(path: Path) -> Iterator[list[str]]:
    """Yield the words after ``reidbench`` of each command that a page shows."""
    page = read(path)
    shown = [line for kind, block in page.code if not kind for line in joined(block)]
    shown += [span for _, line in page.prose for span in re.findall(r"`(reidbench [^`]+)`", line)]
    for line in shown:
        if re.match(r"(\.venv/bin/)?reidbench ", line.strip()):
            words = shlex.split(line, comments=True)
            ends = [i for i, word in enumerate(words) if word == "&"]
            for start, end in zip([0, *(i + 1 for i in ends)], [*ends, len(words)], strict=True):
                yield words[start + 1 : end]


def joined(block: str) -> list[str]:
    return block.replace("\\\n", " ").splitlines()


def parsed(words: list[str]) -> dict[str, Any]:
    """Parse a command without running it; return the values of its options by their names.

    Raises:
        click.UsageError: if the verb, an option or a choice does not exist.
    """
    command: click.Command = cli
    context, rest = click.Context(cli), [w for w in words if w not in ("--debug", "--version")]
    while isinstance(command, click.Group) and rest:
        found = command.get_command(context, rest[0])
        if found is None:
            raise click.UsageError(f"no verb {rest[0]}")
        command, context = found, click.Context(found, parent=context, info_name=rest[0])
        rest = rest[1:]
    values, left, _ = command.make_parser(context).parse_args(list(rest))
    if left:
        raise click.UsageError(f"unexpected {left}")
    for parameter in command.params:
        value = values.get(parameter.name)
        if isinstance(parameter.type, click.Choice | click.IntRange) and value is not None:
            parameter.type_cast_value(context, value)
    return {str(p.name): values.get(p.name) for p in command.params}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_plugins().registry


def test_the_readme_is_under_200_lines():
    assert len((ROOT / "README.md").read_text().splitlines()) < README_LINES


@pytest.mark.parametrize("path", GUIDE, ids=name)
def test_lines_of_prose_are_under_120_characters(path):
    lines = {n: LINK.sub("]", line) for n, line in read(path).prose if not line.startswith("|")}
    long = [n for n, line in lines.items() if len(line) >= LINE and "://" not in line]
    assert not long, f"{name(path)}, lines {long}"


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_relative_link_leads_to_a_file_and_a_heading(path):
    for number, line in read(path).prose:
        for link in (found for found in LINK.findall(line) if "://" not in found):
            place, _, heading = link.partition("#")
            target = (path.parent / place).resolve() if place else path
            assert target.exists(), f"{name(path)}:{number}: {link}"
            assert not heading or heading in slugs(target), f"{name(path)}:{number}: {link}"


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_command_shown_exists_with_its_options(path):
    for words in commands(path):
        try:
            parsed(words)
        except click.UsageError as error:
            pytest.fail(f"{name(path)}: reidbench {' '.join(words)}: {error.format_message()}")


def names_of_its_own(page: Path) -> list[tuple[str, str]]:
    """Return kind and name of what a page's code, or the package beside an example's, registers."""
    folders = page.parent.glob("reidbench_*") if ROOT / "examples" in page.parents else []
    text = "".join((folder / "__init__.py").read_text() for folder in folders)
    text += "".join(code for kind, code in read(page).code if kind == "python")
    return re.findall(r'registry\.(\w+)\(\s*"([^"]+)"', text)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_name_in_a_command_shown_exists(path, registry):
    known = {
        "method": {*(m.name for m in registry.methods()), "all"},
        "translator": {*(e.name for e in registry.entries("translator")), "none"},
        "constraint": {*(e.name for e in registry.entries("constraint")), "none"},
        "learner": {e.name for e in registry.entries("learner")},
        "dataset": {e.name for e in registry.entries("dataset")},
        "protocol": {e.name for e in registry.entries("protocol")},
        "masks": {e.name for e in registry.entries("segmenter")},
        "benchmark": set(benchmark.available()),
        "study": {
            *study.available(),
            *FIGURES,
            *OF_BENCHMARKS,
            *OF_CONSTRAINTS,
        },  # `plot` takes any
    }
    for kind, own in names_of_its_own(path):
        known[kind].add(own)
    known["name"] = set().union(*known.values())  # of `list NAME` and `data info NAME`
    for words in commands(path):
        for option, value in parsed(words).items():
            for shown in value if isinstance(value, list | tuple) else [value]:
                # A path names anybody's own file, and capitals stand for any name.
                anybody = not isinstance(shown, str) or shown.endswith(".toml") or shown.isupper()
                kind = option.removesuffix("s") if option != "masks" else option
                names = known.get(kind, set())
                missing = not anybody and names and not set(shown.split("+")) <= names
                assert not missing, f"{name(path)}: --{kind} {shown}"


@pytest.mark.parametrize("path", GUIDE, ids=name)
def test_no_line_ends_within_code(path):
    # A command that goes on in the next line would be checked by none of these tests.
    odd = [number for number, line in read(path).prose if line.count("`") % 2]
    assert not odd, f"{name(path)}, lines {odd}"


def test_every_page_of_the_docs_is_named_in_the_readme():
    linked = {link for _, line in read(ROOT / "README.md").prose for link in LINK.findall(line)}
    missing = {name(p) for p in (ROOT / "docs").rglob("*") if p.is_file()} - linked
    assert not missing


def test_every_method_and_part_of_the_project_is_named_on_the_methods_page(registry):
    own = {"reidbench", *(p.name for p in (ROOT / "plugins").iterdir())}
    text = (ROOT / "docs" / "methods.md").read_text()
    parts = [e for k in ("translator", "constraint", "learner") for e in registry.entries(k)]
    parts += [*registry.entries("segmenter"), *registry.methods()]
    assert parts
    assert not [p.name for p in parts if p.plugin in own and f"`{p.name}`" not in text]


def test_contributing_has_a_line_for_every_folder():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    folders = {f"{p.parent.name}/" for p in (ROOT / "reidbench").glob("*/__init__.py")}
    files = {p.name for p in (ROOT / "reidbench").glob("*.py")} - {"__init__.py", "__main__.py"}
    assert folders | files == set(re.findall(r"^\| `([\w./]+)` \|", text, re.MULTILINE))


def test_the_architecture_page_shows_the_layers_that_are_enforced():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    contract = tools["importlinter"]["contracts"][0]
    enforced = [line.replace("reidbench.", "").split(" : ") for line in contract["layers"]]
    text = (ROOT / "docs" / "architecture.md").read_text().partition("## Layers")[2]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert [[p.removesuffix(".py") for p in re.findall(r"`([\w.]+)`", r)] for r in rows] == enforced


@pytest.mark.parametrize("path", GUIDE, ids=name)
def test_python_shown_compiles_and_its_imports_exist(path):
    for source in (code for kind, code in read(path).code if kind == "python"):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.module:
                module = importlib.import_module(node.module)
                assert not [a.name for a in node.names if not hasattr(module, a.name)], source


def test_the_components_shown_can_be_built():
    shown: dict[str, Any] = {}
    for kind, code in read(ROOT / "docs" / "extending.md").code:
        if kind == "python":
            exec(compile(code, "docs/extending.md", "exec"), shown)
    own = [v for v in shown.values() if inspect.isclass(v) and v.__module__ == "builtins"]
    assert {built().__class__.__name__ for built in own} == {"Mine", "Tint"}


def test_every_function_of_the_package_that_is_shown_exists():
    shown = {f for p in GUIDE for f in re.findall(r"\breidbench\.(\w+)\(", p.read_text())}
    assert shown
    assert not [f for f in shown if not hasattr(reidbench, f)]


def test_the_citation_is_of_this_version_and_licence():
    lines = (ROOT / "CITATION.cff").read_text().splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert lines[0] == "cff-version: 1.2.0"
    assert f"version: {reidbench.__version__}" in lines
    assert f"license: {project['license']}" in lines
