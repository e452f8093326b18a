"""``reidbench transforms``: where a translator moves the pixels of a run's images to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reidbench.cli import execution_options, figure, options

if TYPE_CHECKING:
    from reidbench.config.compose import Request
    from reidbench.runs.options import ExecutionOptions, ExperimentOptions

NUMBERS = ("mean", "sd", "min", "max")


@click.command("transforms")
@options.recipe
@options.experiment
@execution_options.execution
@figure.seed
@figure.output
@options.as_json
def command(
    request: Request,
    experiment: ExperimentOptions,
    execution: ExecutionOptions,
    seed: int,
    output: Path | None,
    as_json: bool,
) -> None:
    """Draw the distribution of a run's spatial transforms, and tell their numbers.

    Of a translator that moves pixels: where the corners of the translated images are taken, if the
    transforms are homographies, and a histogram of each parameter. Coordinates are in [-1, 1] from
    the left and upper border to the right and lower one, so that half a side is 1. Between
    synthetic domains the true transform is known: the mean distance of the corners from it stands
    beside that of leaving all pixels where they are. Of a run that translates test images it is
    the gallery; of several translators, for groups of cameras, the first. What runs have computed
    is reused; what is missing is computed.

    \b
    Examples:
      reidbench transforms --method sagan --benchmark synthetic-viewpoint
      reidbench transforms --method sagan --benchmark synthetic-viewpoint -o corners.pdf --json
    """
    from reidbench.plots.transforms import write
    from reidbench.registry.loading import load_plugins
    from reidbench.runs.bars import Bars
    from reidbench.runs.figures import default_path, moved_by, moving_of, transforms_of
    from reidbench.runs.launch import open_session
    from reidbench.runs.runner import ensure_stage

    plugins = load_plugins()
    plan = figure.plan_of(plugins, request, (experiment, execution), seed, output)
    stage = moving_of(plan)
    session = open_session(execution, plugins, Bars())
    figure.announce(stage, plan, session)
    moved = moved_by(stage, ensure_stage(stage, session).artifact.path)
    path = output or default_path(plan, stage, "transforms", execution.results)
    drawn = transforms_of(plan, moved)
    write(drawn, path)
    found = moved.to_dict()
    if as_json:
        about = {"figure": str(path), "recipe": plan.recipe.name, "seed": seed}
        click.echo(json.dumps({**about, **found}, indent=2))
        return
    _show(found, drawn.caption)
    click.echo(f"figure {path}")


def _show(found: Mapping[str, Any], caption: tuple[str, ...]) -> None:
    from reidbench.cli.tables import show_table

    tables = {"parameters": "parameters", "corner_displacements": "how far corners are moved"}
    for key, title in tables.items():
        if key in found:
            show_table(title, ("", *NUMBERS), _rows(found[key]), NUMBERS)
    for line in caption:
        click.echo(line)


def _rows(described: Mapping[str, Mapping[str, float]]) -> Iterator[tuple[str, ...]]:
    for name, values in described.items():
        yield name, *(f"{values[number]:.4f}" for number in NUMBERS)
