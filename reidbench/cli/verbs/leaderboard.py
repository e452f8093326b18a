"""``reidbench leaderboard``: results that can be compared, ranked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reidbench.cli import options
from reidbench.results.measures import COLUMNS

if TYPE_CHECKING:
    from reidbench.results.leaderboard import Leaderboard

PAGE = "LEADERBOARD.md"


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
@click.option("--markdown", is_flag=True, help="Print the page in Markdown.")
@click.option("--write", is_flag=True, help=f"Write the page to {PAGE} among the results.")
@options.as_json
def command(
    results: Path, benchmark: str | None, by: str, markdown: bool, write: bool, as_json: bool
) -> None:
    """Rank the results of all recipes that can be compared.

    Ranked together are untouched recipes with results for all of a benchmark's seeds, on the same
    version of the benchmark, the protocol and the data, at the same precision. Everything else
    stands in a second table with the reason. Further tables tell the quality of translation
    and what the runs cost, as far as the results do.

    \b
    Examples:
      reidbench leaderboard
      reidbench leaderboard --benchmark synthetic --json
      reidbench leaderboard --by cost
      reidbench leaderboard --write
    """
    from reidbench.errors import UsageError

    if sum((markdown, write, as_json)) > 1:
        raise UsageError("--markdown, --write and --json exclude each other")
    if write and benchmark:
        raise UsageError(f"--write takes no --benchmark: {PAGE} holds all of them")
    if write and by != "mAP":
        raise UsageError(f"--write takes no --by: {PAGE} is in the order of mAP")
    from reidbench.results.reading import read_leaderboard

    shown = read_leaderboard(results, benchmark, by)
    if as_json:
        click.echo(json.dumps(shown.to_dict(), indent=2))
    elif markdown or write:
        _page(shown, results / PAGE if write else None)
    else:
        _tables(shown)


def _page(board: Leaderboard, path: Path | None) -> None:
    from reidbench.results.leaderboard_tables import markdown
    from reidbench.storage.files import write_bytes

    page = markdown(board)
    if path is None:
        click.echo(page, nl=False)
        return
    write_bytes(path, page.encode())
    click.echo(path)


def _tables(board: Leaderboard) -> None:
    from reidbench.cli.tables import console, show_table
    from reidbench.results.leaderboard_tables import (
        CAPTION,
        COST,
        COST_CAPTION,
        HEADINGS,
        OTHERS,
        OTHERS_CAPTION,
        RANKED,
        TRANSLATION_QUALITY,
        TRANSLATION_QUALITY_CAPTION,
        TRUTH,
        TRUTH_CAPTION,
        UNRANKED,
        WARNINGS,
        WARNINGS_CAPTION,
        cost_rows,
        other_rows,
        ranked_cells,
        translation_quality_rows,
        truth_rows,
        unranked_cells,
        warning_rows,
    )

    right = ("", *HEADINGS.values())
    for part in board.boards:
        show_table(part.setting.title, RANKED, map(ranked_cells, part.rows), right)
        for title, headings, rows in (
            ("Translation quality", TRANSLATION_QUALITY, translation_quality_rows(part)),
            ("Truth", TRUTH, truth_rows(part)),
            ("Cost", COST, cost_rows(part)),
            ("Other distributions", OTHERS, other_rows(part)),
            ("Warnings", WARNINGS, warning_rows(part)),
        ):
            if rows:
                show_table(title, headings, rows, headings[1:-1])
        console().print(part.setting.details + "\n", style="dim", markup=False)
    if board.unranked:
        show_table("Not ranked", UNRANKED, map(unranked_cells, board.unranked), right)
    captions = [
        CAPTION,
        *(
            [TRANSLATION_QUALITY_CAPTION]
            if any(map(translation_quality_rows, board.boards))
            else []
        ),
        *([TRUTH_CAPTION] if any(map(truth_rows, board.boards)) else []),
        *([COST_CAPTION] if any(map(cost_rows, board.boards)) else []),
        *([OTHERS_CAPTION] if any(map(other_rows, board.boards)) else []),
        *([WARNINGS_CAPTION] if any(map(warning_rows, board.boards)) else []),
    ]
    console().print("\n" + "\n".join(captions), style="dim", markup=False)
    for file in board.unreadable:
        click.echo(f"not a result: {file.path}: {file.reason}", err=True)
