"""The page on checks lists all of them, with the kinds they are for and the reason of each."""

from __future__ import annotations

from pathlib import Path

from reidbench.registry.registry import KINDS
from reidbench.testing import checks
from reidbench.testing.checks.check import CHECKS

PAGE = Path(__file__).parents[2] / "docs" / "checking.md"


def rows() -> list[str]:
    found: dict[str, tuple[list[str], str]] = {}
    for check in CHECKS:
        kinds, _ = found.setdefault(check.name, ([], check.why))
        kinds += [kind for kind in check.kinds if kind not in kinds]
    assert checks.__all__
    return [
        f"| `{name}` | {'every part' if len(kinds) == len(KINDS) else ', '.join(kinds)} | {why} |"
        for name, (kinds, why) in found.items()
    ]


def test_the_page_lists_every_check():
    shown = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert shown == rows()


def test_every_check_says_why_and_how_to_mend_it():
    for check in CHECKS:
        assert check.why.endswith("."), check.name
        assert check.mend.endswith("."), check.name
        assert check.function.__doc__, check.name
