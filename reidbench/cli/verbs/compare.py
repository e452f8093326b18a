"""``reidbench compare``: how much two results differ, and how sure that is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reidbench.cli import options

if TYPE_CHECKING:
    from reidbench.results.comparison import Comparison


@click.command("compare")
@click.argument("a")
@click.argument("b")
@options.results
@click.option(
    "--benchmark",
    default="synthetic",
    show_default=True,
    metavar="NAME",
    help="The benchmark whose results a recipe's name stands for.",
)
@click.option(
    "--resamples",
    type=click.IntRange(100),
    default=10_000,
    show_default=True,
    help="Resamples of the bootstrap and swaps of the randomisation test.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Seeds them.")
@options.as_json
def command(
    a: str, b: str, results: Path, benchmark: str, resamples: int, seed: int, as_json: bool
) -> None:
    """Show how much two results differ, over queries and over seeds.

    A and B are each a recipe's name, for all its seeds among the results; the file of one result;
    or a file that 'reidbench evaluate --output' wrote. Queries are paired and persons kept whole:
    the intervals are of a bootstrap over persons, p of a randomisation test. Seeds are paired too,
    by Student's t. Results of different benchmarks, protocols, data or queries are refused.

    \b
    Examples:
      reidbench compare spgan cyclegan
      reidbench compare plain.json reranked.json --json
    """
    from reidbench.results.compared_methods import find
    from reidbench.results.comparison import contrast

    first, second = (find(text, results, benchmark) for text in (a, b))
    found = contrast(first, second, samples=resamples, seed=seed)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    _show(found)


def _show(found: Comparison) -> None:
    from reidbench.cli.tables import console, show_pairs, show_table
    from reidbench.results import comparison_tables as tables

    out = console()
    show_pairs(tables.sides(found))
    columns = tables.columns(found)
    queries, seeds = tables.titles(found)
    show_table(f"\n{queries}", columns, tables.over_queries(found), columns[1:])
    if seeds:
        show_table(f"\n{seeds}", columns, tables.over_seeds(found), columns[1:])
    out.print("\n" + "\n".join(tables.verdicts(found)) + "\n", markup=False)
    out.print("\n".join(tables.about(found)), style="dim", markup=False)
