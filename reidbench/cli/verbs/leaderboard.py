"""``reidbench leaderboard``: results that can be compared, ranked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reidbench.cli import options
from reidbench.results.measures import COLUMNS

if TYPE_CHECKING:
    from reidbench.results.leaderboard import Leaderboard

PAGE = "LEADERBOARD.md"
FORMATS = ("table", "markdown", "csv", "latex", "json")


@click.command("leaderboard")
@options.results
@click.option("--benchmark", metavar="NAME", help="Show one benchmark only.")
@click.option(
    "--by",
    type=click.Choice(COLUMNS),
    default="mAP",
    show_default=True,
    help="Order the rows by this, the best first; their number stays the place by mAP.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="Print it so; csv has every row and number, latex needs the package booktabs.",
)
@click.option("--markdown", is_flag=True, help="Print the page in Markdown.")
@click.option("--write", is_flag=True, help=f"Write the page to {PAGE} among the results.")
@click.option("--check", is_flag=True, help=f"Fail unless {PAGE} is what the results give.")
@options.as_json
def command(
    results: Path,
    benchmark: str | None,
    by: str,
    form: str,
    markdown: bool,
    write: bool,
    check: bool,
    as_json: bool,
) -> None:
    """Rank the results of all recipes that can be compared.

    Ranked together are untouched recipes with results for all of a benchmark's seeds, on the same
    version of the benchmark, the protocol and the data, at the same precision. Everything else
    stands in a second table with the reason. Further tables tell the gain over direct transfer and
    which recipes no test tells apart, the quality of translation and what the runs cost, as far as
    the results do. Results of others are merged by putting their files into the folder.

    \b
    Examples:
      reidbench leaderboard
      reidbench leaderboard --benchmark synthetic --json
      reidbench leaderboard --by cost
      reidbench leaderboard --format latex
      reidbench leaderboard --write
      reidbench leaderboard --check
    """
    chosen = _form(form, markdown, write, check, as_json)
    _refuse_part(chosen, benchmark, by)
    from reidbench.results.reading import read_leaderboard

    shown = read_leaderboard(results, benchmark, by)
    if chosen == "table":
        _tables(shown)
    elif chosen in ("write", "check"):
        _page(shown, results / PAGE, write)
    else:
        click.echo(_text(shown, chosen), nl=False)


def _form(form: str, markdown: bool, write: bool, check: bool, as_json: bool) -> str:
    from reidbench.errors import UsageError

    flags = {"markdown": markdown, "write": write, "check": check, "json": as_json}
    given = [name for name, on in flags.items() if on]
    if len(given) + (form != "table") > 1:
        raise UsageError("--format, --markdown, --write, --check and --json exclude each other")
    return given[0] if given else form


def _refuse_part(form: str, benchmark: str | None, by: str) -> None:
    """Refuse to write or check less than the whole page."""
    from reidbench.errors import UsageError

    if form in ("write", "check") and benchmark:
        raise UsageError(f"--{form} takes no --benchmark: {PAGE} holds all of them")
    if form in ("write", "check") and by != "mAP":
        raise UsageError(f"--{form} takes no --by: {PAGE} is in the order of mAP")


def _text(board: Leaderboard, form: str) -> str:
    from reidbench.results.leaderboard_files import as_csv, as_json, as_latex
    from reidbench.results.leaderboard_tables import markdown

    return {"markdown": markdown, "csv": as_csv, "latex": as_latex, "json": as_json}[form](board)


def _page(board: Leaderboard, path: Path, write: bool) -> None:
    from reidbench.errors import ReidbenchError
    from reidbench.storage.files import write_bytes

    page = _text(board, "markdown").encode()
    if write:
        write_bytes(path, page)
    elif not path.is_file() or path.read_bytes() != page:
        raise ReidbenchError(
            f"{path} is not what the results beside it give; write it anew with --write"
        )
    click.echo(path)


def _tables(board: Leaderboard) -> None:
    from reidbench.cli.tables import console, show_table
    from reidbench.results.commands import advice
    from reidbench.results.leaderboard_tables import (
        CAPTION,
        HEADINGS,
        RANKED,
        UNRANKED,
        further_tables,
        ranked_cells,
        unranked_cells,
    )

    right, captions = ("", *HEADINGS.values()), [CAPTION]
    for part in board.boards:
        show_table(part.setting.title, RANKED, map(ranked_cells, part.rows), right)
        for more in further_tables(part):
            show_table(more.title, more.headings, more.rows, more.headings[1:-1])
            captions.append(more.caption)
        console().print(part.setting.details + "\n", style="dim", markup=False)
    if board.unranked:
        show_table("Not ranked", UNRANKED, map(unranked_cells, board.unranked), right)
    if not board.boards and (lacking := advice(board.unranked)):
        click.echo(f"Nothing is ranked yet: {lacking}")
    told = "\n".join(dict.fromkeys(captions))
    console().print(f"\n{told}", style="dim", markup=False)
    for file in board.unreadable:
        click.echo(f"not a result: {file.path}: {file.reason}", err=True)
