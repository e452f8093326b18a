"""``reidbench worth``: what each constraint is worth on each translator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reidbench.cli import options
from reidbench.results.measures import OF_WORTH

if TYPE_CHECKING:
    from reidbench.results.worth import Worths


@click.command("worth")
@options.results
@click.option("--benchmark", metavar="NAME", help="Show one benchmark only.")
@click.option(
    "--measure",
    type=click.Choice(OF_WORTH),
    default="mAP",
    show_default=True,
    help="What the worth is told in.",
)
@click.option("--grid", is_flag=True, help="Show constraints by translators, a table a learner.")
@options.as_json
def command(results: Path, benchmark: str | None, measure: str, grid: bool, as_json: bool) -> None:
    """Show what each constraint is worth on each translator.

    Each result with constraints is held against the one without, of the same seed, that agrees in
    all else: benchmark, translator, learner, strategy, budget and what was set by hand. The study
    'constraints' runs every constraint on every translator by one learner.

    \b
    Examples:
      reidbench sweep --study constraints --seeds 0-2
      reidbench worth --benchmark synthetic
      reidbench worth --benchmark synthetic --grid
      reidbench worth --measure identity_retained
    """
    from reidbench.results.reading import read_worth

    found = read_worth(results, benchmark, measure)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    show = _show_grids if grid else _show
    show(found)


def _show(found: Worths) -> None:
    from reidbench.cli.tables import console, show_table
    from reidbench.results.worth_tables import caption, cells, headings

    columns = headings(found)
    for setting, rows in found.by_setting():
        show_table(f"{setting.title}", columns, [cells(found, row) for row in rows], columns[4:])
        click.echo()
    console().print(caption(found), style="dim", markup=False)


def _show_grids(found: Worths) -> None:
    from reidbench.cli.tables import console, show_table
    from reidbench.errors import ReidbenchError
    from reidbench.results.worth_grid import grids
    from reidbench.results.worth_tables import GRID_CAPTION, grid_headings, grid_rows, grid_title

    shown = list(grids(found))
    if not shown:
        raise ReidbenchError(
            "no constraint was run on several translators; without --grid each pair is shown"
        )
    for grid in shown:
        columns = grid_headings(grid)
        show_table(grid_title(grid), columns, grid_rows(grid), columns[1:])
        click.echo()
    console().print(GRID_CAPTION, style="dim", markup=False)
