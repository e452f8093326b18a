"""``reidbench plot``: figures from result files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reidbench.cli import options
from reidbench.results.measures import DRAWN, GAP_CLOSED
from reidbench.studies.plot_kinds import PLOT_KINDS

if TYPE_CHECKING:
    from reidbench.plots.style import Width

# As plots.sources.FIELDS has them; kept here so that --help imports nothing.
FIELDS = ("translator", "constraints", "learner", "strategy", "direction", "source", "target")


@click.command("plot")
@click.argument("study", required=False)
@click.option("--benchmark", metavar="NAME", help="Whose results are drawn.")
@click.option("--kind", type=click.Choice(PLOT_KINDS), help="As the study says, or bars.")
@click.option(
    "--measure", type=click.Choice((*DRAWN, GAP_CLOSED)), help="As the study says, or mAP."
)
@click.option("--recipe", "recipes", multiple=True, metavar="NAME", help="Draw these only.")
@click.option("--rows", type=click.Choice(FIELDS), default="translator", help="Of a heat map.")
@click.option("--columns", type=click.Choice(FIELDS), default="constraints", help="Of a heat map.")
@click.option("--reported", is_flag=True, help="Draw the paper's numbers too, in their own panels.")
@click.option(
    "--pictures",
    multiple=True,
    type=options.FILE,
    metavar="RESULT",
    help="Draw the translated images of a result file instead; of several, side by side.",
)
@click.option(
    "--width",
    type=click.Choice(("one", "two")),
    default="one",
    show_default=True,
    help="Columns of a paper: 3.3 or 7 inches.",
)
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    metavar="FILE",
    help="Where to write; .svg, .pdf or .png.  [default: an SVG among the results]",
)
@options.results
@options.cache
@options.as_json
def command(
    study: str | None,
    benchmark: str | None,
    kind: str | None,
    measure: str | None,
    recipes: tuple[str, ...],
    rows: str,
    columns: str,
    reported: bool,
    pictures: tuple[Path, ...],
    width: Width,
    output: Path | None,
    results: Path,
    cache: Path,
    as_json: bool,
) -> None:
    """Draw a study, or what the leaderboard ranks, from result files alone.

    A bar is the mean over the seeds, a whisker one standard deviation to either side, a small
    circle one seed. Without a STUDY the ranked recipes of a benchmark are drawn; a heat map of
    translators or constraints leaves out those that translate nothing, unless they are named.
    Fonts are embedded, colours are told apart by every kind of colour vision, and the same results
    give the same bytes.

    \b
    Examples:
      reidbench plot spgan-table1 --reported --width two -o table1.pdf
      reidbench plot --benchmark synthetic --measure rank1
      reidbench plot --kind heatmap --rows source --columns target --recipe spgan
      reidbench plot --pictures results/synthetic/spgan-07e19f52-seed0.json -o people.pdf
      reidbench plot --pictures A.json --pictures B.json -o side-by-side.png
    """
    from reidbench.plots.drawing import draw_chart, draw_pictures
    from reidbench.plots.sources import Wish

    if pictures:
        click.echo(draw_pictures(pictures, cache, output))
        return
    wish = Wish(kind, measure, rows, columns, reported)  # type: ignore[arg-type]
    drawn = draw_chart(study, results, wish, benchmark, recipes, width, output)
    click.echo(json.dumps(drawn.to_dict(), indent=2) if as_json else drawn.path)
