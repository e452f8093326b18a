"""Docstrings stand alone: they begin with a verb or a noun, not with a question word."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = (
    ROOT / "reidbench",
    *sorted(ROOT.glob("plugins/*/reidbench_*")),
    *sorted(ROOT.glob("examples/*/reidbench_*")),
)
WORDS = {"How", "Of", "What", "When", "Where", "Whether", "Which", "Who", "Whose", "Why"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


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
    assert found() == {}


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
