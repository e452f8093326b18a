"""``reidbench plot``: figures from result files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reidbench.cli import options
from reidbench.results.measures import DRAWN, GAP_CLOSED, PRIMARY
from reidbench.studies.plot_kinds import (
    FIGURES,
    OF_BENCHMARKS,
    OF_CONSTRAINTS,
    OF_MODELS,
    PLOT_KINDS,
)

if TYPE_CHECKING:
    from reidbench.plots.style import Width

# As plots.sources.FIELDS has them; kept here so that --help imports nothing.
FIELDS = ("translator", "constraints", "learner", "strategy", "direction", "source", "target")


@click.command("plot")
@click.argument("study", required=False)
@click.argument("files", nargs=-1, type=options.FILE, metavar="[RESULT]")
@click.option(
    "--benchmark",
    "benchmarks",
    multiple=True,
    metavar="NAME",
    help="Whose results are drawn; repeatable for 'rankings', whose columns they are.",
)
@click.option("--kind", type=click.Choice(PLOT_KINDS), help="As the study says, or bars.")
@click.option(
    "--measure", type=click.Choice((*DRAWN, GAP_CLOSED)), help="As the study says, or mAP."
)
@click.option("--recipe", "recipes", multiple=True, metavar="NAME", help="Draw these only.")
@click.option("--rows", type=click.Choice(FIELDS), default="translator", help="Of a heat map.")
@click.option("--columns", type=click.Choice(FIELDS), default="constraints", help="Of a heat map.")
@click.option(
    "--shared",
    type=click.Choice(("ask", "mean")),
    default="ask",
    show_default=True,
    help="Recipes that share a cell of a heat map: ask for a choice, or draw their mean.",
)
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
    files: tuple[Path, ...],
    benchmarks: tuple[str, ...],
    kind: str | None,
    measure: str | None,
    recipes: tuple[str, ...],
    rows: str,
    columns: str,
    shared: str,
    reported: bool,
    pictures: tuple[Path, ...],
    width: Width,
    output: Path | None,
    results: Path,
    cache: Path,
    as_json: bool,
) -> None:
    """Draw a study, or what the leaderboard ranks, from result files alone.

    In place of a STUDY the word 'cmc' draws the curves of the ranked recipes; 'cost', 'identity'
    and 'error' draw mAP against the training FLOPs, the identity retained and the error on the
    person; 'rankings' draws their places on several benchmarks, a line a method; 'worth' what each
    constraint is worth on each translator. 'curves RESULT' draws a run's losses and gradient
    shares, 'ranked RESULT' queries with their nearest images, 'features RESULT' the learner's
    activations in images of the same persons before and after it learned from translated ones:
    what the cache still holds of the run.

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
      reidbench plot --kind heatmap --shared mean
      reidbench plot cmc --benchmark synthetic --width two
      reidbench plot rankings --width two
      reidbench plot worth --benchmark synthetic
      reidbench plot curves results/synthetic/spgan-cea5d614-seed0.json
      reidbench plot features results/synthetic/spgan-cea5d614-seed0.json
      reidbench plot --pictures results/synthetic/spgan-cea5d614-seed0.json -o people.pdf
      reidbench plot --pictures A.json --pictures B.json -o side-by-side.png
    """
    from reidbench.plots.drawing import draw_chart, draw_pictures
    from reidbench.plots.sources import Wish

    if pictures:
        click.echo(draw_pictures(pictures, cache, output))
        return
    if study in OF_MODELS:
        _refuse_options(study, kind, measure, reported, as_json)
        click.echo(_of_models(study, files, cache, width, output))
        return
    if study in (*OF_BENCHMARKS, *OF_CONSTRAINTS):
        _refuse_options(study, kind, None, reported, as_json)
        _refuse_files(files)
        chosen = {"measure": measure or PRIMARY, "width": width, "output": output}
        click.echo(_of_pairs(study, results, benchmarks, recipes, chosen))
        return
    benchmark = _only_one(benchmarks)
    if study in FIGURES:
        _refuse_options(study, kind, measure, reported, as_json)
        from reidbench.plots.figures import draw_figure

        names: dict[str, Any] = {"benchmark": benchmark, "recipes": recipes}
        click.echo(draw_figure(study, results, files, cache, **names, width=width, output=output))
        return
    _refuse_files(files)
    wish = Wish(kind, measure, rows, columns, reported, shared == "mean")  # type: ignore[arg-type]
    drawn = draw_chart(study, results, wish, benchmark, recipes, width, output)
    click.echo(json.dumps(drawn.to_dict(), indent=2) if as_json else drawn.path)


def _of_pairs(
    name: str,
    results: Path,
    benchmarks: tuple[str, ...],
    recipes: tuple[str, ...],
    chosen: dict[str, Any],
) -> Path:
    from reidbench.plots.rankings import draw_rankings
    from reidbench.plots.worth import draw_worth

    if name in OF_BENCHMARKS:
        return draw_rankings(results, benchmarks, recipes, **chosen)
    return draw_worth(results, _only_one(benchmarks), **chosen)


def _of_models(
    name: str, files: tuple[Path, ...], cache: Path, width: Width, output: Path | None
) -> Path:
    from reidbench.runs.feature_maps import draw_feature_maps

    if len(files) != 1:
        raise click.UsageError(f"'plot {name}' draws one run: name its result file after it")
    return draw_feature_maps(files[0], cache, width=width, output=output)


def _only_one(benchmarks: tuple[str, ...]) -> str | None:
    if len(benchmarks) > 1:
        raise click.UsageError("only 'plot rankings' draws more than one --benchmark")
    return benchmarks[0] if benchmarks else None


def _refuse_files(files: tuple[Path, ...]) -> None:
    if files:
        raise click.UsageError(
            f"'{files[0]}' is one too many: only 'curves', 'ranked' and 'features' read a result"
        )


def _refuse_options(
    name: str, kind: str | None, measure: str | None, reported: bool, as_json: bool
) -> None:
    given = {"--kind": kind, "--measure": measure, "--reported": reported, "--json": as_json}
    if wrong := [option for option, value in given.items() if value]:
        raise click.UsageError(f"'plot {name}' takes no {' and no '.join(wrong)}")
