"""Traces of the first steps of a training by torch's profiler, for ``--profile``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile, schedule

from reidbench.progress import say_nothing

WARM_UP, TRACED = 2, 5
"""Steps that the profiler warms up over, and steps of the trace after them."""
SUFFIX = ".trace.json.gz"


@contextmanager
def profiled(
    folder: Path | None, name: str, steps: int, say: Callable[[str], None] = say_nothing
) -> Iterator[Callable[[], None]]:
    """Write ``NAME.trace.json.gz``, a Chrome trace of a phase's first steps, to a folder.

    Args:
        folder: made if it is not there; None traces nothing.
        name: of the phase.
        steps: number of steps that it will make; a single one is not traced.
        say: told where the trace lies, or why it could not be written: the training goes on.

    Yields:
        What to call after each step.
    """
    if folder is None or steps < 2:  # the profiler wants one to warm up over
        yield _nothing
        return
    warm_up, path = min(WARM_UP, steps - 1), folder / f"{name}{SUFFIX}"
    when = schedule(wait=0, warmup=warm_up, active=TRACED, repeat=1)
    kinds = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        kinds.append(ProfilerActivity.CUDA)
    write = partial(_write, path, say)
    # It would warn that it keeps the events of the last trace only, of which there is one.
    with profile(activities=kinds, schedule=when, on_trace_ready=write, acc_events=True) as run:
        yield run.step


def _write(path: Path, say: Callable[[str], None], run: profile) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        run.export_chrome_trace(str(path))
    except (OSError, RuntimeError) as error:
        say(f"warning: no profile at {path}: {error}")
    else:
        say(f"profile: {path}")


def _nothing() -> None:
    """Trace nothing."""
