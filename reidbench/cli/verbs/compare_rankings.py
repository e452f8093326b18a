"""``reidbench compare-rankings``: how alike two benchmarks, or a benchmark and a paper, rank."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reidbench.cli import options
from reidbench.results.measures import MEASURES, PRIMARY

if TYPE_CHECKING:
    from reidbench.results.rankings import Rankings

FORMATS = ("table", "markdown", "csv", "latex", "json")


@click.command("compare-rankings")
@click.argument("a", required=False)
@click.argument("b", required=False)
@options.results
@click.option(
    "--measure",
    type=click.Choice(MEASURES),
    default=PRIMARY,
    show_default=True,
    help="What both orders are by.",
)
@click.option("--ceilings", is_flag=True, help="Keep recipes that read the truth.")
@click.option(
    "--without", "left_out", multiple=True, metavar="NAME", help="Leave a method out; repeatable."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="Print it so; latex needs the package booktabs.",
)
@click.option(
    "--resamples",
    type=click.IntRange(100),
    default=10_000,
    show_default=True,
    help="Draws of the seeds; up to four seeds a side, all draws are taken.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Seeds them.")
@options.as_json
def command(
    a: str | None,
    b: str | None,
    results: Path,
    measure: str,
    ceilings: bool,
    left_out: tuple[str, ...],
    form: str,
    resamples: int,
    seed: int,
    as_json: bool,
) -> None:
    """Show how much alike benchmarks and papers rank the same methods.

    A and B are each a benchmark with ranked results, or a table of a paper ('spgan/table 1', as
    'list --reported' shows it; each of its settings counts by itself). A alone is compared with all
    others; without both, each benchmark with each other and with each table that holds three of its
    methods. Kendall's rank correlation of the means is shown with an interval over the seeds, and
    which pairs of methods stand in the same order. A paper's rows are compared with the recipes
    that stand for them.

    \b
    Examples:
      reidbench compare-rankings
      reidbench compare-rankings synthetic "spgan/table 1"
      reidbench compare-rankings synthetic synthetic-hard --without direct --without supervised
      reidbench compare-rankings --measure rank1 --format latex
    """
    from reidbench.errors import UsageError
    from reidbench.results.order_pairs import read_rankings

    if as_json and form != "table":
        raise UsageError("--format and --json exclude each other")
    names = [name for name in (a, b) if name is not None]
    found = read_rankings(
        results,
        names,
        measure=measure,
        ceilings=ceilings,
        left_out=left_out,
        samples=resamples,
        seed=seed,
    )
    if as_json or form == "json":
        click.echo(json.dumps(found.to_dict(), indent=2))
    elif form == "table":
        _show(found)
    else:
        click.echo(_text(found, form), nl=False)


def _text(found: Rankings, form: str) -> str:
    from reidbench.results.ranking_tables import as_csv, as_latex, markdown

    return {"markdown": markdown, "csv": as_csv, "latex": as_latex}[form](found)


def _show(found: Rankings) -> None:
    from reidbench.cli.tables import console, show_pairs, show_table
    from reidbench.results import ranking_tables as tables

    if len(found) == 1:
        show_pairs(tables.sides(found[0]))
        headings = tables.place_headings(found[0])
        show_table("\nMethods of both", headings, tables.places(found[0]), headings[1:])
    show_table(f"\n{tables.title(found)}", tables.HEADINGS, tables.rows(found), tables.HEADINGS[2:])
    if against := tables.contradictions(found):
        show_table(f"\n{tables.CONTRADICTIONS_TITLE}", tables.CONTRADICTIONS, against)
    told = "\n".join([tables.CAPTION, *tables.notes(found)])
    console().print(f"\n{told}", style="dim", markup=False)
