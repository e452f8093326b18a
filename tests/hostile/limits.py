"""Inputs tried one after another in a forked interpreter that is loaded already, within limits."""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import signal
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

SECONDS = 10
"""An input that takes longer ends the process by a signal, which not even a loop in C survives."""
GIB = 2**30
"""Memory that an input may ask for beyond what the interpreter had; more is a ``MemoryError``."""


def problems(
    count: int, attempt: Callable[[int], str], *, seconds: float = SECONDS, memory: int = GIB
) -> dict[int, str]:
    """Return what went wrong, by the number of the input.

    Args:
        count: number of inputs.
        attempt: tries the input of a number, and returns what was wrong; empty if nothing.
        seconds: an input may take.
        memory: bytes that an input may ask for.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of libraries that wait
        child = os.fork()
    if child == 0:
        os.close(reading)
        _try_all(count, attempt, writing, seconds, memory)
    os.close(writing)
    with os.fdopen(reading) as lines:
        told = [json.loads(line) for line in lines]
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    found = {number: problem for number, problem in enumerate(told) if problem}
    if len(told) < count or status:
        found[len(told)] = f"the process ended with {status} (-{signal.SIGALRM} is a timeout)"
    return found


def _try_all(
    count: int, attempt: Callable[[int], str], told: int, seconds: float, memory: int
) -> None:
    """Write a line for each input, and end the process without a word to anybody else."""
    status = 1
    try:
        faulthandler.disable()  # the parent tells of a fault
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        _limit(memory)
        with os.fdopen(told, "w") as lines:
            for number in range(count):
                signal.setitimer(signal.ITIMER_REAL, seconds)
                lines.write(json.dumps(_problem(attempt, number)) + "\n")
                lines.flush()
        status = 0
    finally:
        os._exit(status)


def _problem(attempt: Callable[[int], str], number: int) -> str:
    try:
        return attempt(number)
    except BaseException:
        return traceback.format_exc(limit=-3)[-600:]


def _limit(memory: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
