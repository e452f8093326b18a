"""Options and steps shared by the verbs that draw something of one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reidbench.cli import options

if TYPE_CHECKING:
    from reidbench.config.compose import Request
    from reidbench.registry.loading import Plugins
    from reidbench.runs.options import ExecutionOptions, ExperimentOptions
    from reidbench.runs.plan import Plan
    from reidbench.runs.runner import Session
    from reidbench.stages import Stage

seed = click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), help="Random seed."
)

output = click.option(
    "-o",
    "--output",
    type=options.FILE,
    metavar="FILE",
    help="Where to draw; .svg, .pdf or .png.  [default: an SVG among the results]",
)


def plan_of(
    plugins: Plugins,
    request: Request,
    chosen: tuple[ExperimentOptions, ExecutionOptions],
    number: int,
    file: Path | None,
) -> Plan:
    """Return the plan of the run whose figure is drawn; the file's ending is looked at first."""
    from reidbench.plots.style import check_format
    from reidbench.runs.bars import Bars
    from reidbench.runs.launch import plan_of_request

    if file is not None:
        check_format(file)
    return plan_of_request(request, number, chosen, plugins, Bars())


def announce(stage: Stage, plan: Plan, session: Session) -> None:
    """Say on standard error which stage is computed, of which run and on what."""
    click.echo(
        f"{plan.recipe.name}, seed {plan.seed}: {stage.title}; on {session.hardware.description}, "
        f"{plan.precision}",
        err=True,
    )
