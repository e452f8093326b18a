"""The leaderboard for other programs: as JSON and CSV, and as LaTeX for papers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import msgspec

from reidbench.evaluation.trials import Spread
from reidbench.results.leaderboard import Board, Entry, Leaderboard, Row
from reidbench.results.leaderboard_tables import difference_rows, ranked_cells
from reidbench.results.markup import harmless, latex_row, latex_text
from reidbench.results.measures import BY_KEY, COLUMNS, SHOWN
from reidbench.results.numbers import listed
from reidbench.results.setting import Setting

CSV_COLUMNS = (
    *("benchmark", "version", "precision", "synthetic", "definition", "place", "not_ranked"),
    *("recipe", "in_words", "seeds"),
    *(f"{key}{end}" for key in COLUMNS for end in ("", "_sd")),
    *("gain", "gain_low", "gain_high", "gain_p", "not_told_apart"),
    *("target_data_used", "initial_weights", "warnings", "digest"),
)
"""Headings of :func:`as_csv`; scores are fractions, a ceiling has no place."""
_LATEX = (*(BY_KEY[key].label for key in SHOWN), "Gain", "Not told apart")
_NUMBERS = range(2, 2 + len(SHOWN))  # the cells of a ranked row that hold measures


def as_json(board: Leaderboard) -> str:
    """Return everything, its letters in ASCII."""
    everything = board.to_dict()
    try:
        text = msgspec.json.format(msgspec.json.encode(everything), indent=2).decode("ascii")
    except UnicodeError:  # the standard writer escapes other letters, in ten times the time
        text = json.dumps(everything, indent=2)
    return f"{text}\n"


def as_csv(board: Leaderboard) -> str:
    """Return every row, ranked or not, under ``CSV_COLUMNS``; unknown values are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for line in _lines(board):
        writer.writerow([harmless(cell) for cell in line])
    return text.getvalue()


def as_latex(board: Leaderboard) -> str:
    """Return a table for each setting, with the rules of the package booktabs."""
    tables = [_latex_table(one) for one in board.boards]
    return "\n".join(("% needs \\usepackage{booktabs}", *tables))


def _lines(board: Leaderboard) -> Iterator[list[object]]:
    for one in board.boards:
        for row in one.rows:
            yield _line(one.setting, row.entry, row.place, "", _gain(row))
    for left in board.unranked:
        yield _line(left.setting, left.entry, None, left.reason, [None] * 5)


def _line(
    setting: Setting, entry: Entry, place: int | None, reason: str, gain: list[object]
) -> list[object]:
    spreads = {**entry.quantities, **entry.measures}
    numbers = [value for key in COLUMNS for value in _mean_and_sd(spreads.get(key))]
    where = [setting.benchmark, setting.version, setting.precision, setting.synthetic]
    names = [entry.recipe, entry.words, listed(entry.seeds)]
    told = [", ".join(entry.uses) or "none", entry.weights, "; ".join(entry.warnings)]
    return [*where, setting.digest, place, reason, *names, *numbers, *gain, *told, entry.digest]


def _mean_and_sd(found: Spread | None) -> tuple[float | None, float | None]:
    return (None, None) if found is None else (found.mean, found.sd)


def _gain(row: Row) -> list[object]:
    if row.gain is None:
        return [None] * 4 + [row.groups]
    return [row.gain.mean, row.gain.low, row.gain.high, row.gain.p_value, row.groups]


def _latex_table(board: Board) -> str:
    differences = difference_rows(board) or [[""] * 6 for _ in board.rows]
    rows = [
        latex_row([*ranked_cells(row)[:2], *_numbers(row), told[2], told[5]])
        for row, told in zip(board.rows, differences, strict=True)
    ]
    lines = (
        r"\begin{table}",
        rf"\caption{{{latex_text(board.setting.title)}, in percent}}",
        rf"\begin{{tabular}}{{rl{'r' * (len(SHOWN) + 1)}l}}",
        r"\toprule",
        latex_row(["", "Recipe", *_LATEX]),
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    )
    return "\n".join(lines) + "\n"


def _numbers(row: Row) -> list[str]:
    cells = ranked_cells(row)
    return [cells[i] for i in _NUMBERS]
