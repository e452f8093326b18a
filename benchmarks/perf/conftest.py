from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

Fastest = Callable[..., list[float]]


@pytest.fixture
def fastest() -> Fastest:
    """Return the seconds of the fastest of a few calls of each function.

    They take turns, so that other work on the machine falls on all of them.
    """

    def measure(*functions: Callable[[], object], rounds: int = 5) -> list[float]:
        best = [float("inf")] * len(functions)
        for _ in range(rounds + 1):  # the first warms up and may be the fastest
            for index, function in enumerate(functions):
                start = time.perf_counter()
                function()
                best[index] = min(best[index], time.perf_counter() - start)
        return best

    return measure


@pytest.fixture(autouse=True)
def _show_ratios(
    benchmark: BenchmarkFixture,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> Iterator[None]:
    """Print what a benchmark recorded beside its times."""
    yield
    with capsys.disabled():
        for name, value in benchmark.extra_info.items():
            sys.stdout.write(f"\n| {request.node.name} | {name} | {value} |")
