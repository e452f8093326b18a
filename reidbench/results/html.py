"""Results as HTML, for notebooks. Names are escaped: results come from files of any origin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from reidbench.results.leaderboard_tables import (
    CAPTION,
    COST,
    HEADINGS,
    KEPT,
    RANKED,
    UNRANKED,
    cost_rows,
    kept_rows,
    ranked_cells,
    unranked_cells,
)
from reidbench.results.result import MEASURES, Result

if TYPE_CHECKING:
    from reidbench.results.comparison import Comparison
    from reidbench.results.leaderboard import Leaderboard


def heading(measure: str) -> str:
    """Return what a column of a measure is called."""
    return HEADINGS.get(measure, measure.replace("_", " "))


def table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; every text is escaped."""
    head = "".join(f"<th>{escape(h)}</th>" for h in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    caption = f"<caption>{escape(title)}</caption>" if title else ""
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def paragraph(text: str) -> str:
    """Return an escaped text as a paragraph."""
    return f"<p>{escape(text)}</p>"


def listed(title: str, lines: Iterable[str]) -> str:
    """Return escaped lines as a list under a title; nothing if there are none."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"{paragraph(title)}<ul>{items}</ul>" if items else ""


def of_results(results: Sequence[Result]) -> str:
    """Return a table with a row for each result, its measures in percent."""
    rows = [
        (
            str(r.recipe["name"]),
            str(r.benchmark["name"]),
            str(r.seed),
            *(f"{100 * r.measure(m):.1f}" for m in MEASURES),
            _by_hand(r),
        )
        for r in results
    ]
    headings = ("Recipe", "Benchmark", "Seed", *map(heading, MEASURES), "Set by hand")
    return table("Measures in percent", headings, rows)


def of_leaderboard(board: Leaderboard) -> str:
    """Return the tables of a leaderboard."""
    parts = []
    for one in board.boards:
        parts.append(table(one.setting.title, RANKED, map(ranked_cells, one.rows)))
        parts.append(paragraph(one.setting.details))
        for title, headings, rows in (
            ("Translation", KEPT, kept_rows(one)),
            ("Cost", COST, cost_rows(one)),
        ):
            if rows:
                parts.append(table(title, headings, rows))
    if board.unranked:
        parts.append(table("Not ranked", UNRANKED, map(unranked_cells, board.unranked)))
    parts.append(listed("Not results", (f"{u.path.name}: {u.reason}" for u in board.unreadable)))
    return "".join((*parts, paragraph(CAPTION)))


def of_comparison(found: Comparison) -> str:
    """Return the tables of a comparison, and what its intervals show."""
    from reidbench.results.comparison_tables import (
        about,
        columns,
        over_queries,
        over_seeds,
        sides,
        titles,
        verdicts,
    )

    queries, seeds = titles(found)
    parts = [paragraph("; ".join(filter(None, side))) for side in sides(found)]
    parts.append(table(queries, columns(found), over_queries(found)))
    if seeds:
        parts.append(table(seeds, columns(found), over_seeds(found)))
    return "".join((*parts, *map(paragraph, (*verdicts(found), *about(found)))))


def _by_hand(result: Result) -> str:
    return ", ".join(f"{name}={value}" for name, value in result.modified.items())
