"""A sweep on several workers, as a table on a terminal and as lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from reidbench.runs.durations import duration

if TYPE_CHECKING:
    from reidbench.runs.notes import Note
    from reidbench.runs.parallel import Course


def table_of(course: Course) -> Group:
    """Return the stages that are being computed, each with the first run that waits for it."""
    table = Table(box=None)
    for heading in ("run", "stage", "done", "rate", "left"):
        table.add_column(heading, justify="left" if heading in ("run", "stage") else "right")
    for run, note in course.running:
        rate = f"{note.rate:.3g}/s" if note.rate else ""
        left = duration(note.left) if note.left is not None else ""
        table.add_row(escape(run), escape(note.title), _done(note), rate, left)
    return Group(table, Text(summary(course), style="dim"))


def summary(course: Course) -> str:
    """Return counts in a line: ``"runs: 3 of 54 done, 1 failed; stages: 40 of 311 computed"``."""
    failed = f", {course.failed} failed" if course.failed else ""
    return (
        f"runs: {course.recorded} of {course.runs} done{failed}; "
        f"stages: {course.computed} of {course.stages} computed"
    )


class CourseLines:
    """Says every so many seconds what is computed, and how much is done."""

    def __init__(
        self, say: Callable[[str], None], every: float, clock: Callable[[], float]
    ) -> None:
        self._say, self._every, self._clock = say, every, clock
        self._said = clock()

    def __call__(self, course: Course) -> None:
        """Take note of the course, and say it if the last lines are old enough."""
        if self._clock() - self._said < self._every:
            return
        self._said = self._clock()
        for run, note in course.running:
            left = f"{duration(note.left)} left" if note.left is not None else ""
            self._say(", ".join(p for p in (f"{run}: {note.title}", _done(note), left) if p))
        self._say(summary(course))


def _done(note: Note) -> str:
    return f"{note.done}/{note.total}" if note.total else ""
