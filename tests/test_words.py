"""Docstrings stand alone: they begin with a verb or a noun, not with a question word."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = (ROOT / "reidbench", *sorted(ROOT.glob("plugins/*/reidbench_*")))
WORDS = {"How", "Of", "What", "When", "Where", "Whether", "Which", "Who", "Whose", "Why"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

# Files that are still to be rewritten. Only take names away.
TO_DO: frozenset[str] = frozenset(
    {
        "reidbench/cli/extensions.py",
        "reidbench/cli/figure.py",
        "reidbench/cli/show.py",
        "reidbench/cli/verbs/cache.py",
        "reidbench/data/synthetic/carried.py",
        "reidbench/data/synthetic/figure.py",
        "reidbench/data/synthetic/head.py",
        "reidbench/data/synthetic/looks.py",
        "reidbench/data/synthetic/occluders.py",
        "reidbench/data/synthetic/person.py",
        "reidbench/data/synthetic/pose.py",
        "reidbench/data/synthetic/render.py",
        "reidbench/plots/style.py",
        "reidbench/plots/transforms.py",
        "reidbench/runs/cost_summary.py",
        "reidbench/runs/figures.py",
        "reidbench/runs/recording.py",
        "reidbench/runs/runner.py",
    }
)


def questions(source: str) -> Iterator[str]:
    """Yield the first line of each docstring that begins with a question word."""
    for node in ast.walk(ast.parse(source)):
        text = isinstance(node, DOCUMENTED) and ast.get_docstring(node)
        if text and text.split()[0].strip(",.:;") in WORDS:
            yield text.partition("\n")[0]


def found() -> dict[str, list[str]]:
    """Return the offending docstrings by file, relative to the root."""
    files = (file for package in PACKAGES for file in sorted(package.rglob("*.py")))
    lines = {
        str(f.relative_to(ROOT)): list(questions(f.read_text(encoding="utf-8"))) for f in files
    }
    return {name: begun for name, begun in lines.items() if begun}


def test_docstrings_begin_with_a_verb_or_a_noun() -> None:
    assert {name: begun for name, begun in found().items() if name not in TO_DO} == {}


def test_the_list_of_files_to_do_only_names_files_with_something_to_do() -> None:
    assert sorted(TO_DO - found().keys()) == []


@pytest.mark.parametrize(
    ("source", "begun"),
    [
        ('"""What it is."""', ["What it is."]),
        ('class A:\n    """Of a kind."""', ["Of a kind."]),
        ('def f():\n    """Whether, or not.\n\n    More.\n    """', ["Whether, or not."]),
        ('async def f():\n    """How: so."""', ["How: so."]),
        ('def f():\n    """Return what it is."""', []),
        ("def f():\n    pass", []),
    ],
)
def test_a_question_word_is_found_wherever_a_docstring_stands(
    source: str, begun: list[str]
) -> None:
    assert list(questions(source)) == begun
