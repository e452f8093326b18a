"""Tables for other programs: cells of Markdown, LaTeX and CSV, whatever texts they hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_SPECIAL |= {c: rf"\{c}" for c in "&%$#_{}"} | {"<": r"\textless{}", ">": r"\textgreater{}"}


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(map(markdown_text, line))} |" for line in lines]


def markdown_text(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it is: names come from files of any origin."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", " ".join(text.split()))


def latex_row(cells: Sequence[str]) -> str:
    """Return a row of a tabular."""
    return " & ".join(map(latex_text, cells)).replace("±", r"$\pm$") + r" \\"


def latex_text(text: str) -> str:
    """Return ``text`` so that LaTeX shows it as it is."""
    plain = " ".join(text.split())
    return re.sub(r"[\\~^&%$#_{}<>]", lambda found: _SPECIAL[found[0]], plain)


def harmless(cell: object) -> object:
    """Return a text that no spreadsheet takes for a formula: names are of any origin."""
    if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{cell}"
    return cell
