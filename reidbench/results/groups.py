"""Ranked recipes with the results that they are the means of."""

from __future__ import annotations

from collections.abc import Sequence

from reidbench.results.leaderboard import Board, Entry
from reidbench.results.result import Result
from reidbench.results.setting import Setting
from reidbench.storage.keys import canonical

Group = tuple[Entry, list[Result]]


def groups_of(board: Board, results: Sequence[Result]) -> list[Group]:
    """Return the ranked entries with their results, one a seed, the best first."""
    found = []
    for entry in (row.entry for row in board.rows):
        first = next(r for r in results if r.digest == entry.digest)
        same = {
            r.seed: r
            for r in results
            if r.recipe["digest"] == first.recipe["digest"]  # the quickest to tell most apart
            and Setting.of(r) == board.setting
            and _origin(r) == _origin(first)
        }
        found.append((entry, [same[seed] for seed in entry.seeds]))
    return found


def _origin(result: Result) -> str:
    own = result.recipe
    return canonical([own["provenance"], dict(result.modified)])
