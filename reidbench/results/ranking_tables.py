"""Comparisons of orders as tables of text, Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from reidbench.results.markup import harmless, latex_row, latex_text, markdown_table, markdown_text
from reidbench.results.measures import BY_KEY
from reidbench.results.numbers import listed
from reidbench.results.rankings import Correlation, Pairs, RankComparison, Rankings, Side

CAPTION = (
    "tau-b: Kendall's rank correlation of the means, 1 for the same order, -1 for the opposite. "
    "Interval: of 95 % of what the seeds give when they are drawn again with replacement, a seed "
    "for all methods of a benchmark at once, since they share it; a paper's numbers stay. It tells "
    "of seeds alone, not of other methods, persons or cameras, and may lie below tau-b, as drawing "
    "again adds noise. p: how often orders that have nothing in common are so much alike or "
    "opposite. Within A, within B: mean tau-b of the orders by two single seeds. Told apart: pairs "
    "that both sides tell apart by Student's paired t over the seeds, corrected by Holm for all "
    "pairs of these methods; a paper's numbers are taken as printed. No correction is made for "
    "looking at several pairs of orders."
)
HEADINGS = (
    "A",
    "B",
    "Methods",
    "tau-b",
    "95 % interval",
    "p",
    "Within A",
    "Within B",
    "Pairs alike",
    "Told apart: alike",
)
PLACES = ("Method", "Place, A", "Place, B")
CONTRADICTIONS = ("A", "B", "Ahead in A", "Ahead in B")
CONTRADICTIONS_TITLE = "Told apart and reversed"
CSV_COLUMNS = (
    *("first", "second", "measure", "methods", "tau", "low", "high", "p"),
    *("within_first", "within_second", "pairs", "alike", "reversed"),
    *("told_apart", "told_apart_alike", "told_apart_reversed"),
)
"""Headings of :func:`as_csv`."""
UNKNOWN = "-"


def rows(found: Rankings) -> list[list[str]]:
    """Return a row for each pair of orders, under ``HEADINGS``."""
    return [_row(each) for each in found]


def place_headings(found: RankComparison) -> tuple[str, ...]:
    """Return the headings of :func:`places`."""
    label = BY_KEY[found.measure].label
    return *PLACES, f"{label}, A", f"{label}, B"


def places(found: RankComparison) -> list[list[str]]:
    """Return a row for each method, the best of the first order first."""
    return [
        [m.name, *map(str, m.places), *(f"{100 * mean:.1f}" for mean in m.means)]
        for m in found.methods
    ]


def contradictions(found: Rankings) -> list[list[str]]:
    """Return the reversed pairs that both sides tell apart, under ``CONTRADICTIONS``."""
    return [
        [each.first.name, each.second.name, ahead, behind]
        for each in found
        for ahead, behind in each.contradictions
    ]


def sides(found: RankComparison) -> list[tuple[str, str]]:
    """Return of each side its letter and name, and what it is, in one line."""
    return [(f"{letter}  {s.name}", _told(s)) for letter, s in zip("AB", found.sides, strict=True)]


def verdict(found: RankComparison) -> str:
    """Return how alike two orders are, in one line."""
    tau, seeds = found.correlation, ""
    if tau.low is not None:
        seeds = f" ({interval(tau)} over seeds)"
    return (
        f"tau-b {_signed(tau.tau)}{seeds}, p {tau.p_value:.2g}; {_share(found.pairs)} pairs alike, "
        f"of those told apart {_share(found.sure)}"
    )


def notes(found: Rankings) -> list[str]:
    """Return what a reader should know besides, each sentence once."""
    sentences = [note for each in found for note in each.notes]
    for each in found:
        for side in each.sides:
            sentences += [f"Left out of {side.name}: {left}." for left in side.left_out]
    return list(dict.fromkeys(sentences))


def title(found: Rankings) -> str:
    """Return the title of the table of :func:`rows`."""
    return f"Orders by {BY_KEY[found.measure].label}"


def markdown(found: Rankings) -> str:
    """Return the tables as a part of a page in Markdown."""
    parts = [f"## {title(found)}", "", CAPTION, "", *markdown_table(HEADINGS, rows(found)), ""]
    if against := contradictions(found):
        parts += [f"### {CONTRADICTIONS_TITLE}", "", *markdown_table(CONTRADICTIONS, against), ""]
    parts += [f"- {markdown_text(note)}" for note in notes(found)]
    return "\n".join(parts).rstrip() + "\n"


def as_csv(found: Rankings) -> str:
    """Return a line for each pair of orders under ``CSV_COLUMNS``; unknown values are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for line in map(_line, found):
        writer.writerow([harmless(cell) for cell in line])
    return text.getvalue()


def as_latex(found: Rankings) -> str:
    """Return the table with the rules of the package booktabs."""
    lines = (
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        rf"\caption{{{latex_text(title(found))}}}",
        rf"\begin{{tabular}}{{ll{'r' * (len(HEADINGS) - 2)}}}",
        r"\toprule",
        latex_row(HEADINGS),
        r"\midrule",
        *map(latex_row, rows(found)),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    )
    return "\n".join(lines) + "\n"


def _row(found: RankComparison) -> list[str]:
    tau = found.correlation
    return [
        *(side.name for side in found.sides),
        str(len(found.methods)),
        _signed(tau.tau),
        interval(tau),
        f"{tau.p_value:.2g}",
        *(_signed(side.agreement) for side in found.sides),
        _share(found.pairs),
        _share(found.sure),
    ]


def interval(tau: Correlation) -> str:
    """Return the interval of a correlation as text."""
    if tau.low is None or tau.high is None:
        return UNKNOWN
    return f"{tau.low:+.2f} to {tau.high:+.2f}"


def _line(found: RankComparison) -> Iterator[object]:
    tau = found.correlation
    yield from (side.name for side in found.sides)
    yield from (found.measure, len(found.methods), tau.tau, tau.low, tau.high, tau.p_value)
    yield from (side.agreement for side in found.sides)
    for pairs in (found.pairs, found.sure):
        yield from (pairs.of, pairs.alike, pairs.reversed)


def _told(side: Side) -> str:
    parts = [side.title]
    if side.seeds:
        parts.append(f"seeds {listed(side.seeds)}")
    if side.others:
        parts.append(f"not on the other side: {', '.join(side.others)}")
    return "; ".join(parts)


def _share(pairs: Pairs) -> str:
    return UNKNOWN if pairs.share is None else f"{pairs.alike} of {pairs.of}"


def _signed(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:+.2f}"
