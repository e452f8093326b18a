"""Versions of components, read from their source."""

from __future__ import annotations

from pathlib import Path

import pytest

from reidbench.registry.loading import load_plugins
from reidbench.registry.registry import KINDS, Entry
from reidbench.registry.versions import version_of


def entries() -> list[Entry]:
    registry = load_plugins().registry
    return [e for kind in KINDS for e in registry.entries(kind)]


def test_what_the_source_says_is_what_each_class_says() -> None:
    read = {(e.kind, e.name): version_of(e.target) for e in entries()}
    assert read == {(e.kind, e.name): e.load().version for e in entries()}
    assert {1, 2} <= set(read.values())


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package whose classes state their versions in every way, and that cannot be imported."""
    name = f"versioned_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / name
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("from .deep.base import Base as Shown\n1 / 0\n")
    (folder / "deep" / "__init__.py").write_text("")
    (folder / "deep" / "base.py").write_text(
        "from reidbench.interfaces import FeatureLearner\n"
        "NEXT = 8\n"
        "class Base(FeatureLearner):\n    version: int = 7\n"
        "class Plain(FeatureLearner): pass\n"
        "class Named(Base):\n    version = NEXT\n"
        "class Computed(Base):\n    version = NEXT + 1\n"
    )
    (folder / "kinds.py").write_text(
        f"import {name}.deep.base\nfrom typing import Generic\n"
        "from .deep import base as other\n"
        f"from {name} import Shown\n"
        f"class Whole({name}.deep.base.Base): pass\n"
        "class Relative(other.Base): pass\n"
        "class Again(Generic[int], Shown): pass\n"
        "class Own(Relative):\n    version = 9\n"
        "from .deep.base import NEXT as AFTER\n"
        "class Elsewhere(Own):\n    version = AFTER\n"
        "class Foreign(nowhere.Base): pass\n"
        "class Loop(Loop): pass\n"
        "class Called(type(3)): pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


@pytest.mark.parametrize(
    ("target", "version"),
    [
        *[("deep.base:Base", 7), ("deep.base:Plain", 1), ("deep.base:Named", 8)],
        *[(f"kinds:{kind}", 7) for kind in ("Whole", "Relative", "Again")],
        ("kinds:Own", 9),
        ("kinds:Elsewhere", 8),
        ("deep.base:Computed", None),
        *[(f"kinds:{kind}", None) for kind in ("Foreign", "Loop", "Called", "Missing")],
        ("missing:Base", None),
    ],
)
def test_a_version_is_found_in_the_class_or_its_bases(package, target, version) -> None:
    assert version_of(f"{package}.{target}") == version


def test_nothing_is_known_of_what_is_not_installed() -> None:
    assert version_of("no_such_package.module:Class") is None
    assert version_of("sys:version") is None
