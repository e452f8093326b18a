"""``reidbench sweep``: methods x constraints x learners x benchmarks x values x seeds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reidbench.cli import execution_options, options, sweep_options

if TYPE_CHECKING:
    from reidbench.runs.options import (
        EngineOptions,
        ExecutionOptions,
        ExperimentOptions,
        SweepOptions,
    )
    from reidbench.runs.scheduler import FailedRun
    from reidbench.runs.sweeps import Combinations


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
@options.strategy
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
@sweep_options.experiments
@execution_options.execution
@sweep_options.engine
@click.option(
    "--dry-run", is_flag=True, help="Show what is new, what is at hand and how long it may take."
)
@options.as_json
@click.pass_context
def command(
    ctx: click.Context,
    methods: tuple[str, ...],
    translators: tuple[str, ...],
    constraints: tuple[str, ...],
    learners: tuple[str, ...],
    strategy: str | None,
    direction: str | None,
    masks: str | None,
    seeds: tuple[int, ...] | None,
    study: str | None,
    experiments: tuple[ExperimentOptions, ...],
    execution: ExecutionOptions,
    engine: EngineOptions,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Run every combination, each stage once, and show the means over the seeds.

    Stages are shared: two learners on one translator train it once. A combination that fails is
    reported at the end and stops none of the others. With --jobs several stages are computed at a
    time. Where another command is computing a stage, others go first: the same command may be
    started many times, also on several machines that see the same folders.

    A study names its runs itself: with --study the table of a paper is run on the study's
    benchmark or the one that is named, printed beside what the paper reports, and drawn.

    \b
    Examples:
      reidbench sweep --method all --seeds 0-2
      reidbench sweep --translator cyclegan --constraint none --constraint sianet --learner ide
      reidbench sweep --study spgan-table1 --benchmark dukemtmc-to-market1501 --data-root ~/reid
      reidbench sweep --method cyclegan --set cyclegan.lr=1e-4 --set cyclegan.lr=2e-4 --dry-run
      reidbench sweep --method all --jobs 2
      reidbench sweep --method all --devices cuda:0,cuda:1
      reidbench sweep --method all --devices 2
    """
    from reidbench.errors import UsageError

    named = (methods, translators, constraints, learners, strategy, direction)
    if study is not None and any(named):
        raise UsageError("--study names its own runs; leave the other names out")
    if study is not None:
        given = ctx.get_parameter_source("benchmarks") is not click.core.ParameterSource.DEFAULT
        chosen = experiments if given else tuple(replace(e, benchmark="") for e in experiments)
        _study(study, _options(chosen, execution, seeds, engine), masks, dry_run, as_json)
        return
    from reidbench.runs.sweeps import Combinations

    names = Combinations(
        methods=methods,
        translators=translators,
        constraints=constraints,
        learners=learners,
        strategy=strategy,
        direction=direction,
        masks=masks,
    )
    _combinations(names, _options(experiments, execution, seeds, engine), dry_run, as_json)


def _options(
    experiments: tuple[ExperimentOptions, ...],
    execution: ExecutionOptions,
    seeds: tuple[int, ...] | None,
    engine: EngineOptions,
) -> SweepOptions:
    from reidbench.runs.options import SweepOptions, with_devices

    execution, engine = with_devices(engine.devices, execution, replace(engine, devices=()))
    return SweepOptions(experiments=experiments, execution=execution, seeds=seeds, engine=engine)


def _combinations(names: Combinations, chosen: SweepOptions, dry_run: bool, as_json: bool) -> None:
    from reidbench.cli import forecasts, show
    from reidbench.registry.loading import load_plugins
    from reidbench.runs.bars import Bars
    from reidbench.runs.sweeps import jobs_of, run_sweep

    if dry_run:
        forecasts.show(jobs_of(names, chosen, load_plugins(), Bars()), chosen, as_json)
        return
    swept = run_sweep(names, chosen, load_plugins(), Bars(), show.plans, _show_failure)
    if as_json:
        click.echo(json.dumps([r.to_dict() for r in swept.results], indent=2))
    else:
        show.means(swept.results)
    swept.raise_failures(_said)


def _study(
    name: str, chosen: SweepOptions, masks: str | None, dry_run: bool, as_json: bool
) -> None:
    from reidbench.cli import forecasts, show
    from reidbench.cli.studies import show_study
    from reidbench.registry.loading import load_plugins
    from reidbench.runs.bars import Bars
    from reidbench.runs.studies import run_study
    from reidbench.runs.study_plans import plan_study

    if dry_run:
        planned = plan_study(name, chosen, load_plugins(), Bars(), masks)
        for failed in planned.unfit:
            _show_failure(failed)
        forecasts.show(planned.jobs, chosen, as_json)
        return
    done = run_study(name, chosen, load_plugins(), Bars(), masks, show.plans, _show_failure)
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
