"""``reidbench sweep``: methods x constraints x learners x seeds, one after another."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reidbench.cli import options

if TYPE_CHECKING:
    from reidbench.runs.options import ExecutionOptions, ExperimentOptions
    from reidbench.runs.scheduler import FailedRun
    from reidbench.runs.sweeps import Combinations

    Chosen = tuple[ExperimentOptions, ExecutionOptions]


@click.command("sweep")
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="NAME",
    help="A method to run; repeatable; 'all' is every method that the data can be used by.",
)
@click.option("--translator", "translators", multiple=True, metavar="NAME", help="Repeatable.")
@click.option(
    "--constraint",
    "constraints",
    multiple=True,
    metavar="NAMES",
    help="Constraints of one run, joined by '+'; 'none' for no constraint; repeatable.",
)
@click.option("--learner", "learners", multiple=True, metavar="NAME", help="Repeatable.")
@options.direction
@options.masks
@click.option(
    "--seeds",
    metavar="LIST",
    type=options.Seeds(),
    help="Seeds, as 0-2 or 0,3,5; the benchmark's own by default.",
)
@click.option(
    "--study",
    metavar="NAME",
    help="A table or figure of a paper, by name or the path of a .toml file.",
)
@options.experiment
@options.execution
@options.as_json
@click.pass_context
def command(
    ctx: click.Context,
    methods: tuple[str, ...],
    translators: tuple[str, ...],
    constraints: tuple[str, ...],
    learners: tuple[str, ...],
    direction: str | None,
    masks: str | None,
    seeds: tuple[int, ...] | None,
    study: str | None,
    experiment: ExperimentOptions,
    execution: ExecutionOptions,
    as_json: bool,
) -> None:
    """Run every combination, one after another, and show the means over the seeds.

    Stages are shared: two learners on one translator train it once. A combination that fails is
    reported at the end and stops none of the others. Where another process is computing a run,
    the next goes first: start the same command once for each GPU, and they share the work.

    A study names its runs itself: with --study the table of a paper is run on the study's
    benchmark or the one that is named, printed beside what the paper reports, and drawn.

    \b
    Examples:
      reidbench sweep --method all --seeds 0-2
      reidbench sweep --translator cyclegan --constraint none --constraint sianet --learner ide
      reidbench sweep --study spgan-table1 --benchmark dukemtmc-to-market1501 --data-root ~/reid
      reidbench sweep --method all --device cuda:0 & reidbench sweep --method all --device cuda:1
    """
    from reidbench.errors import UsageError

    if study is not None and (methods or translators or constraints or learners or direction):
        raise UsageError("--study names its own runs; leave the other names out")
    if study is not None:
        given = ctx.get_parameter_source("benchmark") is not click.core.ParameterSource.DEFAULT
        chosen = experiment if given else replace(experiment, benchmark="")
        _study(study, seeds, (chosen, execution), masks, as_json)
        return
    from reidbench.runs.sweeps import Combinations

    names = Combinations(
        methods=methods,
        translators=translators,
        constraints=constraints,
        learners=learners,
        direction=direction,
        masks=masks,
    )
    _combinations(names, seeds, (experiment, execution), as_json)


def _combinations(
    names: Combinations, seeds: tuple[int, ...] | None, chosen: Chosen, as_json: bool
) -> None:
    from reidbench.cli import show
    from reidbench.registry.loading import load_plugins
    from reidbench.runs.bars import Bars
    from reidbench.runs.sweeps import run_sweep

    swept = run_sweep(names, seeds, chosen, load_plugins(), Bars(), show.plans, _show_failure)
    if as_json:
        click.echo(json.dumps([r.to_dict() for r in swept.results], indent=2))
    else:
        show.means(swept.results)
    swept.raise_failures(_said)


def _study(
    name: str, seeds: tuple[int, ...] | None, chosen: Chosen, masks: str | None, as_json: bool
) -> None:
    from reidbench.cli import show
    from reidbench.cli.studies import show_study
    from reidbench.registry.loading import load_plugins
    from reidbench.runs.bars import Bars
    from reidbench.runs.studies import run_study

    done = run_study(name, seeds, chosen, load_plugins(), Bars(), masks, show.plans, _show_failure)
    if as_json:
        click.echo(json.dumps(done.to_dict(), indent=2))
    else:
        show_study(done)
    done.raise_failures(_said)


def _show_failure(failed: FailedRun) -> None:
    """Say at once that a run failed; with ``--debug``, its traceback too."""
    from reidbench.cli import show

    if click.get_current_context().find_root().params["debug"]:
        import traceback

        traceback.print_exception(failed.error)
    show.failure(_said(failed))


def _said(failed: FailedRun) -> str:
    from reidbench.errors import ReidbenchError

    expected = isinstance(failed.error, ReidbenchError)
    return str(failed) if expected else f"{failed} (--debug shows where)"
