"""The page of the reference is what the sources give, and leaves nothing out."""

from __future__ import annotations

import re

import reidbench.interfaces
from reidbench import hookspecs
from tests.reference import PAGE, ROOT, TESTS, page


def test_the_page_is_current():
    assert PAGE.read_text() == page(), "write it anew: python -m tests.reference"


def test_every_contract_is_shown():
    shown = set(re.findall(r"^(?:class |def )?(\w+)\b", PAGE.read_text(), re.MULTILINE))
    assert not set(reidbench.interfaces.__all__) - shown


def test_every_module_of_networks_has_a_heading():
    modules = {p.stem for p in (ROOT / "reidbench" / "nn").glob("[!_]*.py")}
    assert set(re.findall(r"^### reidbench\.nn\.(\w+)$", PAGE.read_text(), re.MULTILINE)) == modules


def test_every_hook_is_called_and_has_the_test_that_is_named():
    hooks = {n for n in vars(hookspecs) if n.startswith("reidbench_")}
    assert hooks == set(TESTS)
    assert PAGE.read_text().count("\n- called in `reidbench/") == len(hooks)
    for hook, (file, test) in TESTS.items():
        text = (ROOT / file).read_text()
        assert f"def {test}(" in text
        assert f"def {hook}(" in text
