"""``reidbench run``: one recipe on one benchmark with one seed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from reidbench.cli import execution_options, options

if TYPE_CHECKING:
    from reidbench.config.compose import Request
    from reidbench.runs.options import ExecutionOptions, ExperimentOptions


@click.command("run")
@options.recipe
@options.experiment
@execution_options.execution
@click.option(
    "--devices",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Devices that compute a training, or the embedding, together: N GPUs, or with --device "
    "cpu N processes.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Random seed.")
@options.as_json
def command(
    request: Request,
    experiment: ExperimentOptions,
    execution: ExecutionOptions,
    seed: int,
    as_json: bool,
) -> None:
    """Translate, learn and evaluate: one method on one benchmark with one seed.

    The translator is trained under the named identity constraints, the source's training images
    are translated, a re-ID model is learned from them and scored on the target, beside direct
    transfer. Stages that an earlier run computed are reused; an interrupted run is taken up by the
    same command.

    \b
    Examples:
      reidbench run --translator cyclegan --constraint sianet
      reidbench run --method spgan --set sianet.margin=1 --seed 1
      reidbench run --method cyclegan --benchmark market1501-to-prid2011 --data-root ~/reid
      reidbench run --method cyclegan --direction target-to-source
      reidbench run --method spgan --device cuda --devices 2
    """
    from reidbench.cli import gradient_shares, show
    from reidbench.registry.loading import load_plugins
    from reidbench.runs.bars import Bars
    from reidbench.runs.launch import run_with_floor
    from reidbench.runs.recording import unique_stages

    chosen = (experiment, execution)
    done = run_with_floor(request, seed, chosen, load_plugins(), Bars(), show.plans)
    if as_json:
        click.echo(json.dumps(done[0].result.to_dict(), indent=2))
        return
    show.measured([d.result for d in reversed(done)])
    gradient_shares.show(done[0].result)
    show.times(unique_stages(d.outcome for d in done))
    show.paths(done[0].path, done[0].picture)
