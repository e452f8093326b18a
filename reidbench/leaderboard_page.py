"""The leaderboard as tables of text, and as a page of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from reidbench.evaluation.trials import Spread
from reidbench.leaderboard import SHOWN, Entry, Leaderboard, Row, Unranked, numbers

HEADINGS = {"mAP": "mAP", "rank1": "rank-1", "mAP_trapezoid": "mAP (trapezoid)"}
CAPTION = (
    "Measured by this software, in percent: mean ± standard deviation over the seeds. "
    "Rows stand in the order of mAP with precision taken at the hits; "
    "the trapezoid is that of the Market-1501 package."
)

RANKED = (
    "",
    "Recipe",
    *HEADINGS.values(),
    "Seeds",
    "Target data used",
    "Initial weights",
    "Digest",
)
UNRANKED = ("Benchmark", "Recipe", *HEADINGS.values(), "Seeds", "Reason", "Digest")


def ranked_cells(row: Row) -> list[str]:
    """Return the texts of a ranked row, under ``RANKED``."""
    e = row.entry
    uses = ", ".join(e.uses) or "none"
    n = str(len(e.seeds))
    return [str(row.place), e.recipe, *_scores(e), n, uses, e.weights, e.digest[:8]]


def unranked_cells(row: Unranked) -> list[str]:
    """Return the texts of an unranked row, under ``UNRANKED``."""
    e = row.entry
    seeds = numbers(e.seeds)
    return [row.setting.title, e.recipe, *_scores(e), seeds, row.reason, e.digest[:8]]


def markdown(leaderboard: Leaderboard) -> str:
    """Return the tables as a Markdown page."""
    parts = ["# Leaderboard", "", "Written by `reidbench leaderboard --write`. " + CAPTION, ""]
    for board in leaderboard.boards:
        parts += [f"## {_escaped(board.setting.title)}", "", _escaped(board.setting.details), ""]
        parts += [*_table(RANKED, map(ranked_cells, board.rows)), ""]
    if leaderboard.unranked:
        parts += ["## Not ranked", ""]
        parts += [*_table(UNRANKED, map(unranked_cells, leaderboard.unranked)), ""]
    if leaderboard.unreadable:
        parts += ["## Not results", ""]
        parts += [f"- {_escaped(f'{u.path.name}: {u.reason}')}" for u in leaderboard.unreadable]
    return "\n".join(parts).rstrip() + "\n"


def percent(value: Spread) -> str:
    """Return mean and standard deviation in percent: ``"65.3 ± 1.2"``."""
    mean = f"{100 * value.mean:.1f}"
    return mean if value.sd is None else f"{mean} ± {100 * value.sd:.1f}"


def _scores(entry: Entry) -> list[str]:
    return [percent(entry.measures[name]) for name in SHOWN]


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(map(_escaped, line))} |" for line in lines]


def _escaped(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it is: names come from files of any origin."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", " ".join(text.split()))
