"""The table of the generators' losses' gradients, which ``run`` prints."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.table import Table

from reidbench.results.result import Result
from reidbench.terminal import Console

TITLE = "gradients at the translated pixels: shares in percent (norms)"


def show(result: Result) -> None:
    """Print how much each loss pulls at the translated pixels, step by step; nothing if untold."""
    training: Any = result.training
    console = Console(highlight=False)
    if measured := training.get("gradient_shares"):
        console.print(TITLE, style="italic")
        console.print(_table(measured))
    elif reason := training.get("gradient_shares_missing"):
        console.print(escape(f"no gradient shares: {reason}"), style="dim")


def _table(measured: list[dict[str, Any]]) -> Table:
    steps = (f"step {entry['step'] + 1}" for entry in measured)
    table = Table("loss", *steps, box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    names = dict.fromkeys(name for entry in measured for name in entry["terms"])
    for name in names:
        table.add_row(escape(name), *(_cell(entry["terms"].get(name)) for entry in measured))
    return table


def _cell(term: dict[str, float | None] | None) -> str:
    if term is None:
        return "-"
    norm, share = term["norm"], term["share"]
    return "not finite" if norm is None or share is None else f"{100 * share:.1f} ({norm:.2g})"
