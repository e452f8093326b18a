"""Starts the toy plan again and again, each time to be killed: ``python -m tests.runs.killing``.

Its arguments are a store's folder and JSON: pairs of a stage's title and how much of it must be
done when SIGKILL comes. For each process it prints a line of JSON: the stages that the process
computed, what was done at each call to ``progress`` within them, and the signal that ended it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch

from reidbench.engine import loop as training
from reidbench.progress import Progress, Silent
from reidbench.runs.plan import Plan
from reidbench.runs.runner import run_plan
from reidbench.testing.toy_runs import make_session, toy_plan


class Counting(Silent):
    """A reporter that keeps the stages and how much was done at each call to ``progress``."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.done: list[list[int]] = []

    @contextmanager
    def stage(self, title: str) -> Iterator[Progress]:
        self.titles.append(title)
        self.done.append([])
        yield self.progress

    def progress(self, done: int, total: int, log: Mapping[str, float]) -> None:
        self.done[-1].append(done)


class Deadly(Counting):
    """Kills its process as soon as so much of a stage is done."""

    def __init__(self, title: str, least: int) -> None:
        super().__init__()
        self.title, self.least = title, least

    def progress(self, done: int, total: int, log: Mapping[str, float]) -> None:
        super().progress(done, total, log)
        if self.titles[-1] == self.title and done >= self.least:
            os.write(1, f"[{json.dumps(self.titles)}, {json.dumps(self.done)}, ".encode())
            os.kill(os.getpid(), signal.SIGKILL)


def run(plan: Plan, root: Path, title: str, least: int) -> int:
    """Execute in a process of its own and return the signal that ended it, or 0."""
    if child := os.fork():
        return os.WTERMSIG(os.waitpid(child, 0)[1])
    try:
        run_plan(plan, make_session(root, Deadly(title, least), every=0))
    finally:
        os._exit(0)


if __name__ == "__main__":
    # What these import is shared by all processes.
    planned = toy_plan()
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
    training.SHOW_EVERY = 0
    for end in json.loads(sys.argv[2]):
        killer = run(planned, Path(sys.argv[1]), *end)
        os.write(1, f"{killer}]\n".encode())
