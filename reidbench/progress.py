"""Progress reports of a run; the command line draws bars, the library stays silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Progress = Callable[[int, int, Mapping[str, float]], None]
"""Called with steps done, steps in all, and the values to show."""


def silent(done: int, total: int, log: Mapping[str, float]) -> None:
    """Show nothing."""


def say_nothing(line: str) -> None:
    """Leave a line unsaid."""


class Reporter(Protocol):
    """Shows the stages of a run."""

    def stage(self, title: str) -> AbstractContextManager[Progress]:
        """Open the display of one stage."""

    def say(self, line: str) -> None:
        """Show a line of text."""


class Silent:
    """A reporter that shows nothing."""

    @contextmanager
    def stage(self, title: str) -> Iterator[Progress]:
        """Open nothing."""
        yield silent

    def say(self, line: str) -> None:
        """Show nothing."""
