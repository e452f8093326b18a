"""Progress of a run on standard error: bars on a terminal or in a notebook, elsewhere lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from reidbench.progress import Progress as Told
from reidbench.runs.courses import CourseLines, table_of
from reidbench.runs.durations import duration, shown
from reidbench.terminal import Console

if TYPE_CHECKING:
    from reidbench.runs.parallel import Course

Clock = Callable[[], float]

LINE_EVERY = 10.0  # seconds between the lines of a stage where there is no terminal


class Bars:
    """Shows each stage of a run; the reporter of the command line and of notebooks."""

    def __init__(
        self,
        console: Console | None = None,
        every: float = LINE_EVERY,
        clock: Clock = time.monotonic,
    ) -> None:
        self._console = console or Console(stderr=True)
        self._every, self._clock = every, clock

    @contextmanager
    def stage(self, title: str) -> Iterator[Told]:
        """Show one stage from its start to the line that says how long it took."""
        started = self._clock()
        if _draws_bars(self._console):
            with _bar(self._console, title) as told:
                yield told
        else:
            yield Lines(self.say, title, self._every, self._clock)
        self.say(f"{title}: done in {self._clock() - started:.1f} s")

    @contextmanager
    def course(self) -> Iterator[Callable[[Course], None]]:
        """Show a sweep on several workers: a table on a terminal, elsewhere lines."""
        if _draws_bars(self._console):
            with Live(console=self._console, transient=True, redirect_stdout=False) as live:
                yield lambda course: live.update(table_of(course))
        else:
            yield CourseLines(self.say, self._every, self._clock)

    def say(self, line: str) -> None:
        """Show a line, above the bar if there is one."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class Lines:
    """Says a line every so many seconds: steps, time left and values."""

    def __init__(self, say: Callable[[str], None], title: str, every: float, clock: Clock) -> None:
        self._say, self._title, self._every, self._clock = say, title, every, clock
        self._said = clock()
        self._since, self._first, self._done, self._total = 0.0, 0, 0, -1

    def __call__(self, done: int, total: int, log: Mapping[str, float]) -> None:
        """Take note of the progress, and say it if the last line is old enough."""
        now = self._clock()
        if total != self._total or done < self._done:  # a stage may have several phases
            self._since, self._first = now, done  # an earlier run may have made the first steps
        self._done, self._total = done, total
        if now - self._said < self._every:
            return
        self._said = now
        parts = [f"{self._title}: {done}/{total}", self._left(now), shown(log)]
        self._say(", ".join(p for p in parts if p))

    def _left(self, now: float) -> str:
        if self._done == self._first:
            return ""
        each = (now - self._since) / (self._done - self._first)
        return f"{duration(each * (self._total - self._done))} left"


def _draws_bars(console: Console) -> bool:
    if console.is_jupyter:
        return find_spec("ipywidgets") is not None  # rich warns at each bar without it
    # Environment variables can make rich take a file for a terminal; bars would fill it.
    return console.is_interactive and console.file.isatty()


@contextmanager
def _bar(console: Console, title: str) -> Iterator[Told]:
    losses = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    display = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[log]}", markup=False, style="dim", table_column=losses),
        console=console,
        transient=True,
        expand=True,
        redirect_stdout=False,  # standard output is for results
    )
    with display:
        task = display.add_task(title, total=None, log="")
        last = 0

        def told(done: int, total: int, log: Mapping[str, float]) -> None:
            nonlocal last
            if done < last:  # a stage may have several phases
                display.reset(task)
            last = done
            display.update(task, completed=done, total=total, log=shown(log))

        yield told
