"""The leaderboard as rows that a page sorts, filters and pivots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reidbench.plots.fields import FIELDS
from reidbench.report.runs import Run
from reidbench.results.leaderboard import Board, Entry, Leaderboard, Row
from reidbench.results.leaderboard_tables import CEILING_PLACE, difference_rows
from reidbench.results.measures import BY_KEY
from reidbench.results.numbers import percent, rounded
from reidbench.results.setting import Setting

UNKNOWN = "-"
NUMBERS = ("mAP", "rank1", "gap_closed", "identity_retained", "person_error", "fid", "cost")
"""Measures and quantities of the page, in the order of its columns."""


@dataclass(frozen=True)
class Cell:
    """A number of a row.

    Attributes:
        text: as it is shown.
        value: by which it is sorted; empty if it is not known.
    """

    text: str
    value: str


@dataclass(frozen=True)
class RowView:
    """A recipe in one setting.

    Attributes:
        place: as shown; empty if the recipe is not ranked.
        method: recipe of the runs, for the link to its page.
        runs: that it is the mean of.
        reason: why it is not ranked; empty if it is.
    """

    place: str
    entry: Entry
    method: str
    parts: dict[str, str]
    numbers: tuple[Cell, ...]
    gain: Cell
    interval: str
    p_value: Cell
    groups: str
    pareto: str
    runs: tuple[Run, ...]
    reason: str


@dataclass(frozen=True)
class BoardView:
    """All rows of a setting, the ranked ones first."""

    setting: Setting
    rows: tuple[RowView, ...]


def headings() -> tuple[str, ...]:
    """Return the headings of ``NUMBERS``."""
    return tuple(BY_KEY[key].label for key in NUMBERS)


def boards_of(board: Leaderboard, runs: Sequence[Run]) -> list[BoardView]:
    """Return the rows of each setting."""
    by_digest: dict[str, list[Run]] = {}
    for run in runs:
        by_digest.setdefault(run.result.digest, []).append(run)
    views: dict[Setting, list[RowView]] = {}
    for one in board.boards:
        told = difference_rows(one) or [[""] * 6] * len(one.rows)
        rows = [_row(one, row, cells, by_digest) for row, cells in zip(one.rows, told, strict=True)]
        views[one.setting] = rows
    for left in board.unranked:
        view = _view(left.entry, by_digest, left.reason)
        views.setdefault(left.setting, []).append(view)
    return [BoardView(setting, tuple(rows)) for setting, rows in views.items()]


def _row(board: Board, row: Row, cells: Sequence[str], by_digest: dict[str, list[Run]]) -> RowView:
    gain = row.gain
    return _view(
        row.entry,
        by_digest,
        place=CEILING_PLACE if row.place is None else str(row.place),
        gain=Cell(cells[2], "" if gain is None else repr(gain.mean)),
        interval=cells[3],
        p_value=Cell(cells[4], "" if gain is None or gain.p_value is None else repr(gain.p_value)),
        groups=row.groups,
        pareto="yes" if board.is_pareto_optimal(row) else "",
    )


def _view(
    entry: Entry,
    by_digest: dict[str, list[Run]],
    reason: str = "",
    *,
    place: str = "",
    gain: Cell = Cell(UNKNOWN, ""),
    interval: str = UNKNOWN,
    p_value: Cell = Cell(UNKNOWN, ""),
    groups: str = "",
    pareto: str = "",
) -> RowView:
    same = [r for r in by_digest[entry.digest] if r.result.seed in entry.seeds]
    first = same[0].result
    parts = {name: FIELDS[name](first) for name in ("translator", "constraints", "learner")}
    return RowView(
        place,
        entry,
        str(first.recipe["name"]),
        parts,
        tuple(_number(entry, key) for key in NUMBERS),
        gain,
        interval,
        p_value,
        groups,
        pareto,
        tuple(sorted(same, key=lambda run: run.result.seed)),
        reason,
    )


def _number(entry: Entry, key: str) -> Cell:
    found = {**entry.quantities, **entry.measures}.get(key)
    if found is None:
        return Cell(UNKNOWN, "")
    text = percent(found) if BY_KEY[key].percent else rounded(found.mean)
    return Cell(text, repr(found.mean))
