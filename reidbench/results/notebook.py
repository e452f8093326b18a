"""Base classes of what a notebook shows: as HTML, and results as a sequence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reidbench.results.result import Result


class Notebook:
    """Shown as HTML by Jupyter; ``reidbench.results.html`` knows how."""

    def _repr_html_(self) -> str:
        from reidbench.results import html  # which imports the classes that are shown

        return html.of(self)


class Listing(Notebook):
    """A sequence of results.

    Attributes:
        results: its items.
    """

    results: tuple[Result, ...]

    def __len__(self) -> int:
        """Return how many results there are."""
        return len(self.results)

    def __iter__(self) -> Iterator[Result]:
        """Yield the results."""
        return iter(self.results)

    def __getitem__(self, number: int) -> Result:
        """Return one of the results."""
        return self.results[number]
