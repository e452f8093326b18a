"""What a function costs in a process of its own: processor time and peak memory (Linux)."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

GIB = 2**30


@dataclass(frozen=True)
class Cost:
    """What one call took.

    Attributes:
        seconds: processor time, over all threads.
        above: GiB at the peak above what the process held before the call.
        total: GiB at the peak.
        result: what the call returned.
    """

    seconds: float
    above: float
    total: float
    result: Any


def alone(prepare: Callable[..., Callable[[], Any]], *args: Any) -> Cost:
    """Return the cost of calling what ``prepare(*args)`` returns; preparing is not counted.

    ``prepare`` is a function of a module, and must not need more memory than it keeps.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_cost, prepare, args).result()


def _cost(prepare: Callable[..., Callable[[], Any]], args: tuple[Any, ...]) -> Cost:
    run = prepare(*args)
    before, start = _memory("VmRSS"), time.process_time()
    result = run()
    seconds, peak = time.process_time() - start, _memory("VmHWM")
    return Cost(seconds, peak - before, peak, result)


def _memory(field: str) -> float:
    """Return a line of this process's status in GiB; unlike ``getrusage``'s it is its own."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (kib,) = (line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return int(kib) * 1024 / GIB
