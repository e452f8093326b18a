"""Tables of what papers report, in percent and never among measured numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reidbench.results.reported import Reported


def show_reported(rows: Sequence[Reported]) -> None:
    """Print each table or figure of a paper as a table."""
    for table in dict.fromkeys(row.table for row in rows):
        _show_table([row for row in rows if row.table == table])


def _show_table(rows: Sequence[Reported]) -> None:
    from reidbench.cli.tables import console, show_table
    from reidbench.results.measures import REPORTED, labels

    measures = [m for m in REPORTED if any(m in row.measures for row in rows)]
    headings = list(labels(*measures).values())
    first = rows[0]
    title = f"Reported, not measured: {first.place} of {first.paper}"
    console().print(title, style="bold", markup=False)
    show_table(
        "",
        ("Row", "Setting", "Protocol", *headings, "Note"),
        [(r.label, r.setting, r.protocol, *(_cell(r, m) for m in measures), r.note) for r in rows],
        headings,
    )


def _cell(row: Reported, measure: str) -> str:
    value = row.measures.get(measure)
    return "" if value is None else f"{value:.1f}" if round(value, 1) == value else f"{value:.2f}"
