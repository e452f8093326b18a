"""``reidbench reproduced``: whether results that were made again are equal."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reidbench.cli import options

if TYPE_CHECKING:
    from reidbench.results.reproduction import Deviation, Reproduction

FIELDS = 3  # of a result that are named; the others are counted


@click.command("reproduced")
@click.argument("again", type=options.FOLDER, metavar="FOLDER")
@options.results
@options.as_json
def command(again: Path, results: Path, as_json: bool) -> None:
    """Show whether results that were made again are equal to those before.

    FOLDER holds the new ones; each is held against the one of its benchmark, recipe and seed among
    the results. All that a seed decides is compared: scores of every query, measures of the
    translations, cost, losses and warnings. On a CPU of one kind, with as many threads and the
    same versions, all of it is equal. Ends with status 1 if a result differs, or none has a
    counterpart.

    \b
    Examples:
      reidbench sweep --study methods --seeds 0 --results again
      reidbench reproduced again
    """
    from reidbench.results.reading import read_results
    from reidbench.results.reproduction import hold_against

    found = hold_against(read_results(again), read_results(results))
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _show(found)
    if not found.holds:
        raise click.exceptions.Exit(1)


def _show(found: Reproduction) -> None:
    from reidbench.cli.tables import show_table

    if found.deviations:
        headings = ("Result", "Greatest difference", "Differs in", "Made with")
        show_table("Not equal", headings, [_cells(d) for d in found.deviations])
    for title, paths in (
        ("not made again", found.not_again),
        ("made for the first time", found.only_again),
    ):
        if paths:
            click.echo(f"{len(paths)} {title}")
    click.echo(found.verdict)


def _cells(deviation: Deviation) -> tuple[str, str, str, str]:
    largest = deviation.largest
    points = "a measure is missing" if math.isnan(largest) else f"{100 * largest:.2f} points"
    fields = deviation.fields
    more = f" and {len(fields) - FIELDS} more" if len(fields) > FIELDS else ""
    made = "; ".join(
        f"{name} {before} before, {again} now" for name, before, again in deviation.made
    )
    return str(deviation.file), points, ", ".join(fields[:FIELDS]) + more, made or "the same"
