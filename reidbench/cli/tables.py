"""Tables on standard output."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence

import click
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table

from reidbench.errors import shown_lines
from reidbench.terminal import Console

MANY = 1000  # rows that no person reads: they are printed at once, however wide the terminal is
UNLIMITED = 10_000  # columns of a file or a pipe: nothing is wrapped or cut there


def console() -> Console:
    """Return what writes to standard output, as wide as it likes where there is no terminal."""
    width = None if sys.stdout.isatty() else UNLIMITED
    return Console(width=width, highlight=False)


def show_table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[str] = ()
) -> None:
    """Print a table; the columns named in ``right`` are aligned to the right."""
    rows = list(rows)
    if len(rows) > MANY:
        _show_plain_table(title, headings, rows, right)
        return
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=None)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    console().print(table)


def _show_plain_table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str]
) -> None:
    """Print a table as rich does where lines may be of any length, in a tenth of its time."""
    lines = [headings, *([shown_lines(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    columns = [(width, heading in right) for width, heading in zip(widths, headings, strict=True)]
    told = [shown_lines(title)]
    for line in lines:
        cells = []
        for cell, (width, to_right) in zip(line, columns, strict=True):
            space = " " * (width - cell_len(cell))
            cells.append(space + cell if to_right else cell + space)
        told.append(f" {'  '.join(cells)}".rstrip())
    click.echo("\n".join(told))


def show_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print names beside their values, without the pairs that have none."""
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in pairs:
        if value:
            table.add_row(escape(name), escape(value))
    console().print(table)


def size(count: int) -> str:
    """Return a number of bytes as a person reads it: ``"12.3 MiB"``."""
    value, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
