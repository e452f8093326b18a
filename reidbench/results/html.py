"""Results as HTML, for notebooks. Names are escaped: results come from files of any origin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import singledispatch
from html import escape

from reidbench.results import comparison_tables as compared
from reidbench.results import ranking_tables as ranked
from reidbench.results import worth_tables
from reidbench.results.comparison import Comparison
from reidbench.results.leaderboard import Leaderboard
from reidbench.results.leaderboard_tables import (
    CAPTION,
    RANKED,
    UNRANKED,
    further_tables,
    ranked_cells,
    unranked_cells,
)
from reidbench.results.measures import BY_KEY, MEASURES
from reidbench.results.rankings import RankComparison, Rankings
from reidbench.results.reproduction import Reproduction
from reidbench.results.result import Found, Result
from reidbench.results.worth import Worths
from reidbench.results.worth_grid import grids


@singledispatch
def of(shown: object) -> str:
    """Return something as HTML; a class that has no form of its own is shown as its text."""
    return paragraph(str(shown))


def heading(measure: str) -> str:
    """Return what a column of a measure is called."""
    return BY_KEY[measure].label


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


@of.register
def _of_result(result: Result) -> str:
    return of_results([result])


@of.register
def _of_reproduction(found: Reproduction) -> str:
    differing = (f"{d.file}: {', '.join(d.fields)}" for d in found.deviations)
    return paragraph(found.verdict) + listed("Not equal", differing)


@of.register
def _of_worths(found: Worths) -> str:
    columns = worth_tables.headings(found)
    parts = [
        table(setting.title, columns, [worth_tables.cells(found, row) for row in rows])
        for setting, rows in found.by_setting()
    ]
    for grid in grids(found):
        title, columns = worth_tables.grid_title(grid), worth_tables.grid_headings(grid)
        parts.append(table(title, columns, worth_tables.grid_rows(grid)))
    return "".join(parts)


@of.register
def _of_found(found: Found) -> str:
    unreadable = (f"{u.path.name}: {u.reason}" for u in found.unreadable)
    return of_results(found.results) + listed("Not results", unreadable)


@of.register
def _of_leaderboard(board: Leaderboard) -> str:
    parts = []
    for one in board.boards:
        parts.append(table(one.setting.title, RANKED, map(ranked_cells, one.rows)))
        parts.append(paragraph(one.setting.details))
        for more in further_tables(one):
            parts.append(table(more.title, more.headings, more.rows))
    if board.unranked:
        parts.append(table("Not ranked", UNRANKED, map(unranked_cells, board.unranked)))
    parts.append(listed("Not results", (f"{u.path.name}: {u.reason}" for u in board.unreadable)))
    return "".join((*parts, paragraph(CAPTION)))


@of.register
def _of_comparison(found: Comparison) -> str:
    columns = compared.columns(found)
    queries, seeds = compared.titles(found)
    parts = [paragraph("; ".join(filter(None, side))) for side in compared.sides(found)]
    parts.append(table(queries, columns, compared.over_queries(found)))
    if seeds:
        parts.append(table(seeds, columns, compared.over_seeds(found)))
    parts += map(paragraph, (*compared.verdicts(found), *compared.about(found)))
    return "".join(parts)


@of.register
def _of_rankings(found: Rankings) -> str:
    parts = [table(ranked.title(found), ranked.HEADINGS, ranked.rows(found))]
    if len(found) == 1:
        parts.append(table("", ranked.place_headings(found[0]), ranked.places(found[0])))
    if against := ranked.contradictions(found):
        parts.append(table(ranked.CONTRADICTIONS_TITLE, ranked.CONTRADICTIONS, against))
    parts += map(paragraph, (*ranked.notes(found), ranked.CAPTION))
    return "".join(parts)


@of.register
def _of_rank_comparison(found: RankComparison) -> str:
    columns = ranked.place_headings(found)
    parts = [paragraph("; ".join(side)) for side in ranked.sides(found)]
    parts.append(table(ranked.verdict(found), columns, ranked.places(found)))
    return "".join((*parts, *map(paragraph, found.notes)))


def _by_hand(result: Result) -> str:
    return ", ".join(f"{name}={value}" for name, value in result.modified.items())
