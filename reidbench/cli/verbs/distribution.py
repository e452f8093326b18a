"""``reidbench distribution``: features before and after translation, in a picture and numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reidbench.cli import execution_options, figure, options

if TYPE_CHECKING:
    from reidbench.config.compose import Request
    from reidbench.runs.figures import Of
    from reidbench.runs.options import ExecutionOptions, ExperimentOptions
    from reidbench.runs.projection import Way

# As runs.projection.WAYS and runs.figures.OF have them; kept here so that --help imports nothing.
WAYS = ("tsne", "pca")
OF = ("run", "target")


@click.command("distribution")
@options.recipe
@options.experiment
@execution_options.execution
@figure.seed
@click.option(
    "--by",
    type=click.Choice(WAYS),
    default="tsne",
    show_default=True,
    help="t-SNE, which keeps neighbours, or principal components, which keep distances.",
)
@click.option(
    "--of",
    type=click.Choice(OF),
    default="run",
    show_default=True,
    help="What the run translates, or the target's test images translated to the source.",
)
@click.option(
    "--sample",
    type=click.IntRange(10),
    default=500,
    show_default=True,
    help="Images of each set, evenly spread, if there are more.",
)
@figure.output
@options.as_json
def command(
    request: Request,
    experiment: ExperimentOptions,
    execution: ExecutionOptions,
    seed: int,
    by: Way,
    of: Of,
    sample: int,
    output: Path | None,
    as_json: bool,
) -> None:
    """Draw the features of real and translated images, and tell how far they lie apart.

    The features are those of the recipe's learner, learned from the source. Shown are real images
    of the domain that translation approaches, and the translated images, before and after. Beside
    the picture stand the squared maximum mean discrepancy (an unbiased estimate: where nothing
    differs it falls below 0 as often as above) and the Fréchet distance between the first set and
    the others, and between two halves of the first set that show different persons: what perfect
    translation would reach. What runs have computed is reused; what is missing is computed.

    Needs scikit-learn: pip install 'reidbench[analysis]'.

    \b
    Examples:
      reidbench distribution --method cyclegan
      reidbench distribution --method cyclegan --direction target-to-source -o figure5.pdf
      reidbench distribution --method spgan --of target --by pca --json
    """
    from reidbench.registry.loading import load_plugins
    from reidbench.runs.bars import Bars
    from reidbench.runs.figures import default_path, distribution_of, draw_distribution
    from reidbench.runs.launch import open_session
    from reidbench.runs.projection import need_sklearn
    from reidbench.runs.runner import ensure_stage

    need_sklearn()
    plugins = load_plugins()
    plan = figure.plan_of(plugins, request, (experiment, execution), seed, output)
    stage = distribution_of(plan, of=of, sample=sample)
    session = open_session(execution, plugins, Bars())
    figure.announce(stage, plan, session)
    folder = ensure_stage(stage, session).artifact.path
    path = output or default_path(plan, stage, f"distribution-{by}", execution.results)
    with session.reporter.stage(f"project by {by}"):
        scores, how = draw_distribution(plan, folder, by, path)
    if as_json:
        about = {"figure": str(path), "recipe": plan.recipe.name, "seed": seed, "projection": how}
        click.echo(json.dumps({**about, **scores}, indent=2))
        return
    _show(scores, path)


def _show(scores: Mapping[str, Any], path: Path) -> None:
    from reidbench.cli.tables import show_table

    show_table(scores["space"], ("", "between", "MMD²", "Fréchet"), _rows(scores))
    shown = ", ".join(f"{s['sampled']} of {s['images']}" for s in scores["sets"].values())
    click.echo(f"of {shown} images; Gaussian kernel of bandwidth {scores['bandwidth']:.4g}")
    for warning in scores["warnings"]:
        click.echo(f"warning: {warning}")
    click.echo(f"figure {path}")


def _rows(scores: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    from reidbench.results.numbers import rounded

    real, before, after = (scores["sets"][name]["name"] for name in ("real", "before", "after"))
    halves = " and ".join(map(str, scores["floor_images"]))
    compared = {
        "before": f"{real} | {before}",
        "after": f"{real} | {after}",
        "floor": f"halves of {real}, {halves} images",
    }
    for name, between in compared.items():
        yield name, between, rounded(scores[name]["mmd2"]), rounded(scores[name]["frechet"])
