"""Fixtures for the tests of plugins; they need pytest, which the extra ``test`` installs.

A ``conftest.py`` that imports them offers them to the tests beside it, e.g. the whole of one:

    from reidbench.testing.fixtures import persons, seeded
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reidbench.data.arrays import ImageArray
from reidbench.engine.loop import Loop
from reidbench.testing.learners import coloured_persons, cpu_loop
from reidbench.testing.tensors import fixed_seed


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """Start every test from seed 0 of torch's global stream, which is put back afterwards."""
    with fixed_seed(0):
        yield


@pytest.fixture
def persons() -> ImageArray:
    """Return ``coloured_persons()``."""
    return coloured_persons()


@pytest.fixture
def loop(tmp_path: Path) -> Callable[..., Loop]:
    """Return a function ``loop(name, **options)``: a ``cpu_loop`` in a folder of the test's own."""

    def build(name: str = "loop", **options: Any) -> Loop:
        return cpu_loop(tmp_path / name, **options)

    return build
