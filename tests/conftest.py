"""What all tests of the core need.

The process that hands the tests out loads this file too, and needs no torch: fixtures import it.
"""

from __future__ import annotations

import gc
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from reidbench.config.benchmark import Benchmark
    from reidbench.registry.registry import Registry
    from reidbench.runs.runner import Session

# How long an example takes is the machine's, not the test's.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_collection_finish() -> None:
    """Leave what was imported out of garbage collections: they would search it again and again."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def interruptible():
    """Take Ctrl-C as a foreground job does: children of a shell's background job ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def registry() -> Registry:
    from reidbench.testing.toy_runs import toy_registry

    return toy_registry()


@pytest.fixture
def benchmark_() -> Benchmark:
    from reidbench.testing.toy_runs import toy_benchmark

    return toy_benchmark()


@pytest.fixture
def session(tmp_path: Path) -> Session:
    from reidbench.testing.toy_runs import make_session

    return make_session(tmp_path / "cache")
