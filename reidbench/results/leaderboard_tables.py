"""The leaderboard as tables of text, and as a page of Markdown."""

from __future__ import annotations

from typing import NamedTuple

from reidbench.results.differences import MOST
from reidbench.results.leaderboard import Board, Entry, Leaderboard, Row, Unranked
from reidbench.results.markup import markdown_table, markdown_text
from reidbench.results.measures import (
    ACCURACIES,
    COUNTED,
    SHOWN,
    TRANSLATION_DISTANCES,
    TRUTH_ERRORS,
    TRUTH_SHARES,
    labels,
)
from reidbench.results.numbers import listed, percent, rounded

HEADINGS = labels(*SHOWN)
CAPTION = (
    "Measured by this software, in percent: mean ± standard deviation over the seeds. "
    "Rows stand in the order of mAP with precision taken at the hits; "
    "the trapezoid is that of the Market-1501 package."
)

UNKNOWN = "-"

RANKED = (
    "",
    "Recipe",
    *HEADINGS.values(),
    "Seeds",
    "Target data used",
    "Initial weights",
    "In words",
    "Digest",
)
CEILING_PLACE = "ceiling"
TRUTH = ("Recipe", *labels(*TRUTH_SHARES, *TRUTH_ERRORS).values())
TRUTH_CAPTION = (
    "Held against the truth, which rendered domains know. Gap closed: (mAP - direct) / (perfect - "
    "direct), of the same learner and seed. Identity retained: how often a classifier that learned "
    "from the true pictures names the right person in the translated ones. Errors on person and "
    "background are root mean square differences in levels of 255; colours: the distance of the "
    "mean colours of upper and lower body in CIE L*a*b*. Rows without a place ('ceiling') read the "
    "truth themselves."
)
TRANSLATION_QUALITY = (
    "Recipe",
    "Identity accuracy",
    *labels(*TRANSLATION_DISTANCES).values(),
    "Measured by",
)
TRANSLATION_QUALITY_CAPTION = (
    "Identity accuracy: how often a classifier of the source's training persons names the right "
    "one, in their real images → in the translated ones; guided: the translator was trained "
    "against that very classifier. FID and KID are between translated and target images, in that "
    "model's features, and comparable only within one; SSIM is to the originals."
)
DIFFERENCES = (
    "Recipe",
    "mAP",
    "Gain over direct transfer",
    "95 % interval",
    "p, corrected",
    "Not told apart",
)
DIFFERENCES_CAPTION = (
    "Gain: mAP minus that of direct transfer with the same learner and seeds, with the interval of "
    "Student's paired t over the seeds, and its p-value by Holm's correction for all gains of the "
    "table. Not told apart: recipes that share a letter stand next to each other, and no paired t "
    "over the seeds tells any two of them apart at 5 %, by Holm's correction for all pairs."
)
UNTESTED = f" More than {MOST:,} recipes are not tested in pairs."
WARNED = " (!)"
WARNINGS = ("Recipe", "Warning")
WARNINGS_CAPTION = (
    "Scores of rows marked with (!) say less than they seem to: of at least one of their seeds the "
    "run warned."
)
OTHERS = ("Recipe", "Component")
OTHERS_CAPTION = "Components that are not the project's own: other distributions brought them."
COST = (
    "Recipe",
    *labels("mAP", *COUNTED, "seconds").values(),
    "Pareto-optimal",
)
COST_CAPTION = (
    "Networks and parameters are those that learn while the translator is trained; training FLOPs "
    "those of all steps of translator and learners; embedder: parameters that features depend on. "
    "Seconds of training and translating are of the machines that ran it. Pareto-optimal: no "
    "other row that uses no more of the target's data scores as much for fewer training FLOPs."
)
UNRANKED = ("Benchmark", "Recipe", *HEADINGS.values(), "Seeds", "Reason", "Digest")


class Further(NamedTuple):
    """A table below the ranking.

    Attributes:
        caption: what its columns mean.
    """

    title: str
    headings: tuple[str, ...]
    rows: list[list[str]]
    caption: str


def further_tables(board: Board) -> list[Further]:
    """Return what a board tells besides the ranking; no table is empty."""
    tables = (
        Further("Differences", DIFFERENCES, difference_rows(board), _differences_caption(board)),
        Further(
            "Translation quality",
            TRANSLATION_QUALITY,
            translation_quality_rows(board),
            TRANSLATION_QUALITY_CAPTION,
        ),
        Further("Truth", TRUTH, truth_rows(board), TRUTH_CAPTION),
        Further("Cost", COST, cost_rows(board), COST_CAPTION),
        Further("Other distributions", OTHERS, other_rows(board), OTHERS_CAPTION),
        Further("Warnings", WARNINGS, warning_rows(board), WARNINGS_CAPTION),
    )
    return [table for table in tables if table.rows]


def _differences_caption(board: Board) -> str:
    return DIFFERENCES_CAPTION + (UNTESTED if len(board.rows) > MOST else "")


def ranked_cells(row: Row) -> list[str]:
    """Return the texts of a ranked row, under ``RANKED``."""
    e = row.entry
    uses = ", ".join(e.uses) or "none"
    n = str(len(e.seeds))
    place = CEILING_PLACE if row.place is None else str(row.place)
    return [place, _marked(e), *_scores(e), n, uses, e.weights, e.words, e.digest[:8]]


def unranked_cells(row: Unranked) -> list[str]:
    """Return the texts of an unranked row, under ``UNRANKED``."""
    e = row.entry
    seeds = listed(e.seeds)
    return [row.setting.title, _marked(e), *_scores(e), seeds, row.reason, e.digest[:8]]


def difference_rows(board: Board) -> list[list[str]]:
    """Return gains and groups under ``DIFFERENCES``; none where neither tells anything."""
    told = any(row.gain for row in board.rows) or len({r.groups for r in board.rows}) > 1
    return [_difference(row) for row in board.rows] if told else []


def translation_quality_rows(board: Board) -> list[list[str]]:
    """Return rows under ``TRANSLATION_QUALITY``; none where no result tells it."""
    return [_translation_quality(row.entry) for row in board.rows if row.entry.classifier]


def truth_rows(board: Board) -> list[list[str]]:
    """Return how far the translations of a board are from the truth, under ``TRUTH``.

    None where nothing tells.
    """
    told = [row.entry for row in board.rows if "person_error" in row.entry.quantities]
    return [_true(entry) for entry in told]


def warning_rows(board: Board) -> list[list[str]]:
    """Return the warnings of a board's rows, under ``WARNINGS``; none if no run warned."""
    return [[row.entry.recipe, each] for row in board.rows for each in row.entry.warnings]


def other_rows(board: Board) -> list[list[str]]:
    """Return the components of other distributions, under ``OTHERS``; none if there are none."""
    return [[row.entry.recipe, each] for row in board.rows for each in row.entry.others]


def cost_rows(board: Board) -> list[list[str]]:
    """Return what the rows of a board cost, the cheapest first, under ``COST``."""
    if not any(set(COUNTED) & row.entry.quantities.keys() for row in board.rows):
        return []
    return [_cost(row, board) for row in board.ordered("cost").rows]


def markdown(leaderboard: Leaderboard) -> str:
    """Return the tables as a Markdown page."""
    parts = ["# Leaderboard", "", "Written by `reidbench leaderboard --write`. " + CAPTION, ""]
    for board in leaderboard.boards:
        title, details = map(markdown_text, (board.setting.title, board.setting.details))
        parts += [f"## {title}", "", details, ""]
        parts += [*markdown_table(RANKED, map(ranked_cells, board.rows)), ""]
        for more in further_tables(board):
            parts += [f"### {more.title}", "", more.caption, ""]
            parts += [*markdown_table(more.headings, more.rows), ""]
    if leaderboard.unranked:
        parts += ["## Not ranked", ""]
        parts += [*markdown_table(UNRANKED, map(unranked_cells, leaderboard.unranked)), ""]
    if leaderboard.unreadable:
        parts += ["## Not results", ""]
        lines = (f"{u.path.name}: {u.reason}" for u in leaderboard.unreadable)
        parts += [f"- {markdown_text(line)}" for line in lines]
    return "\n".join(parts).rstrip() + "\n"


def _difference(row: Row) -> list[str]:
    gain, score = row.gain, percent(row.entry.measures["mAP"])
    if gain is None:
        return [row.entry.recipe, score, UNKNOWN, UNKNOWN, UNKNOWN, row.groups]
    interval, p_value = UNKNOWN, UNKNOWN
    if gain.low is not None and gain.high is not None and gain.p_value is not None:
        interval = f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f}"
        p_value = "< 0.0001" if gain.p_value < 1e-4 else f"{gain.p_value:.4f}"
    return [row.entry.recipe, score, f"{100 * gain.mean:+.1f}", interval, p_value, row.groups]


def _translation_quality(entry: Entry) -> list[str]:
    found = entry.quantities
    accuracy = " → ".join(percent(found[n]) for n in ACCURACIES if n in found) or UNKNOWN
    note = " (guided)" if entry.guided and accuracy != UNKNOWN else ""
    others = [_mean(entry, name) for name in TRANSLATION_DISTANCES]
    return [entry.recipe, accuracy + note, *others, entry.classifier]


def _marked(entry: Entry) -> str:
    return entry.recipe + (WARNED if entry.warnings else "")


def _true(entry: Entry) -> list[str]:
    shares = (entry.quantities.get(name) for name in TRUTH_SHARES)
    errors = (entry.value(name) for name in TRUTH_ERRORS)
    return [
        entry.recipe,
        *(UNKNOWN if share is None else percent(share) for share in shares),
        *(UNKNOWN if error is None else f"{error:.1f}" for error in errors),
    ]


def _cost(row: Row, board: Board) -> list[str]:
    entry = row.entry
    quantities = [_mean(entry, name) for name in COUNTED]
    seconds = entry.value("seconds")
    return [
        entry.recipe,
        percent(entry.measures["mAP"]),
        *quantities,
        UNKNOWN if seconds is None else f"{seconds:.0f}",
        "yes" if board.is_pareto_optimal(row) else "",
    ]


def _mean(entry: Entry, name: str) -> str:
    value = entry.value(name)
    return UNKNOWN if value is None else rounded(value)


def _scores(entry: Entry) -> list[str]:
    return [percent(entry.measures[name]) for name in SHOWN]
