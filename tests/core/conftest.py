"""Toys in a temporary store."""

from __future__ import annotations

from pathlib import Path

import pytest

from reidbench.benchmark import Benchmark
from reidbench.registry import Registry
from reidbench.runner import Session
from tests.core.toy_runs import make_session, toy_benchmark, toy_registry


@pytest.fixture
def registry() -> Registry:
    return toy_registry()


@pytest.fixture
def benchmark_() -> Benchmark:
    return toy_benchmark()


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return make_session(tmp_path / "cache")
