"""``reidbench plot``: figures from result files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reidbench.cli import options
from reidbench.results.measures import DRAWN
from reidbench.studies.plot_kinds import PLOT_KINDS

if TYPE_CHECKING:
    from reidbench.plots.chart import Chart
    from reidbench.plots.sources import Wish
    from reidbench.plots.style import Width

# As plots.sources.FIELDS has them; kept here so that --help imports nothing.
FIELDS = ("translator", "constraints", "learner", "strategy", "direction", "source", "target")

# A result may come from anywhere: its key must not lead out of the cache.
PREVIEW = re.compile(r"preview/[0-9a-f]{32}")


@click.command("plot")
@click.argument("study", required=False)
@click.option("--benchmark", metavar="NAME", help="Whose results are drawn.")
@click.option("--kind", type=click.Choice(PLOT_KINDS), help="As the study says, or bars.")
@click.option("--measure", type=click.Choice(DRAWN), help="As the study says, or mAP.")
@click.option("--recipe", "recipes", multiple=True, metavar="NAME", help="Draw these only.")
@click.option("--rows", type=click.Choice(FIELDS), default="translator", help="Of a heat map.")
@click.option("--columns", type=click.Choice(FIELDS), default="constraints", help="Of a heat map.")
@click.option("--reported", is_flag=True, help="Draw the paper's numbers too, in their own panels.")
@click.option(
    "--pictures",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="RESULT",
    help="Draw the translated images of a result file instead.",
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
    type=click.Path(dir_okay=False, path_type=Path),
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
    pictures: Path | None,
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
      reidbench plot --pictures results/synthetic/spgan-b0fabfc6-seed0.json -o people.pdf
    """
    from reidbench.plots.sources import Wish

    if pictures is not None:
        click.echo(_pictures(pictures, cache, output))
        return
    wish = Wish(kind, measure, rows, columns, reported)  # type: ignore[arg-type]
    if study is not None:
        chart, path = _study(study, benchmark, recipes, results, wish)
    else:
        chart, path = _ranked(benchmark, recipes, results, wish)
    path = output or path
    _write(chart, path, width)
    click.echo(json.dumps({"figure": str(path), **chart.to_dict()}, indent=2) if as_json else path)


def _study(
    study: str, benchmark: str | None, recipes: tuple[str, ...], results: Path, wish: Wish
) -> tuple[Chart, Path]:
    from reidbench.errors import UsageError
    from reidbench.plots.sources import chart_of_study
    from reidbench.studies.index import find_index, load_index

    if recipes:
        raise UsageError("--recipe goes without a study, which names its runs itself")
    index = find_index(study, results, benchmark)
    return chart_of_study(load_index(index), index, wish), index.with_suffix(".svg")


def _ranked(
    benchmark: str | None, recipes: tuple[str, ...], results: Path, wish: Wish
) -> tuple[Chart, Path]:
    from reidbench.errors import ReidbenchError
    from reidbench.plots.sources import chart_of_results
    from reidbench.results.result import load_all

    found = load_all(results).results
    if not found:
        raise ReidbenchError(
            f"there are no results in {results}; make some (e.g. reidbench sweep --method all) "
            "or name another folder with --results"
        )
    chart, path = chart_of_results(found, benchmark, recipes, wish)
    return chart, results / path


def _write(chart: Chart, path: Path, width: Width) -> None:
    from reidbench.plots import draw

    draw.write(chart, path, width)


def _pictures(result: Path, cache: Path, output: Path | None) -> Path:
    """Draw the examples of the run that made a result, as they were kept, and return the path."""
    import numpy as np

    from reidbench.errors import ReidbenchError
    from reidbench.plots.sheet import ROWS, draw_sheet
    from reidbench.results.result import load
    from reidbench.storage.artifacts import Store

    stages = load(result).execution.get("stages")
    listed = [str(s.get("key")) for s in stages if isinstance(s, dict)] if stages else []
    keys = [key for key in listed if PREVIEW.fullmatch(key)]
    if not keys:
        raise ReidbenchError(f"{result} has no translated images: its run translated nothing")
    kept = Store(cache).find(keys[0])
    if kept is None:
        raise ReidbenchError(f"the translated images of {result} are not in {cache}; run it again")
    path = output or result.with_suffix(".svg")
    draw_sheet(np.load(kept.path / "rows.npy"), kept.manifest.get("labels", ROWS), path)
    return path
