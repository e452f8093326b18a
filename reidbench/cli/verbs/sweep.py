"""``reidbench sweep``: methods x constraints x learners x seeds, one after another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import click

from reidbench.cli import options

if TYPE_CHECKING:
    from reidbench.config.compose import Request
    from reidbench.registry.registry import Registry


@click.command("sweep")
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="NAME",
    help="A method to run; repeatable; 'all' is every method that is installed.",
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
@options.ground
@options.place
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
    ground: options.ExperimentOptions,
    place: options.Place,
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

    if study is None:
        names = _Names(methods, translators, constraints, learners, direction, masks)
        _combinations(names, seeds, ground, place, as_json)
        return
    if methods or translators or constraints or learners or direction:
        raise UsageError("--study names its own runs; leave the other names out")
    from reidbench.cli.studies import run_study

    given = ctx.get_parameter_source("benchmark") is not click.core.ParameterSource.DEFAULT
    ground = ground if given else replace(ground, benchmark="")
    run_study(study, masks, seeds, ground, place, as_json)


@dataclass(frozen=True)
class _Names:
    """What is combined."""

    methods: Sequence[str]
    translators: Sequence[str]
    constraints: Sequence[str]
    learners: Sequence[str]
    direction: str | None
    masks: str | None


def _combinations(
    names: _Names,
    seeds: tuple[int, ...] | None,
    ground: options.ExperimentOptions,
    place: options.Place,
    as_json: bool,
) -> None:
    """Run methods x learners, and translators x constraints x learners."""
    from reidbench.cli import launch, show
    from reidbench.cli.attempts import refuse_failures, run_and_record_all
    from reidbench.registry.loading import load_plugins

    plugins = load_plugins()
    opened = launch.open_experiment(plugins.registry, ground)
    requests = list(_requests(plugins.registry, names))
    recipes = {r.digest: r for r in opened.recipes(requests)}
    chosen = seeds or opened.setting.benchmark.seeds
    plans = [opened.plan(r, s, place.precision) for s in chosen for r in recipes.values()]
    session = launch.open_session(place, plugins)
    show.plans(plans, session)
    failures: list[str] = []
    jobs = [(plan, plan.recipe.name) for plan in plans]
    done = run_and_record_all(jobs, session, place.results, failures)
    measured = [d.result for d in done if d]
    if as_json:
        click.echo(json.dumps([r.to_dict() for r in measured], indent=2))
    else:
        show.means(measured)
    refuse_failures(failures, len(plans))


def _requests(registry: Registry, names: _Names) -> Iterator[Request]:
    """Yield what the options name: methods x learners, and translators x constraints x learners."""
    from reidbench.config.compatibility import NO_TRANSLATOR
    from reidbench.config.compose import Request
    from reidbench.errors import UsageError

    if not (names.methods or names.translators):
        raise UsageError("name what to run: --method or --translator (see: reidbench list)")
    if names.constraints and not names.translators:
        raise UsageError("--constraint goes with --translator; a method has its own")
    usual = Request(direction=names.direction, masks=names.masks)
    learners = names.learners or (None,)
    methods = [m.name for m in registry.methods()] if "all" in names.methods else names.methods
    for method, learner in product(methods, learners):
        translates = registry.method(method).translator != NO_TRANSLATOR
        direction = names.direction if translates else None
        yield replace(usual, method=method, learner=learner, direction=direction)
    for translator, joined, learner in product(
        names.translators, names.constraints or ("none",), learners
    ):
        parts = () if joined == "none" else tuple(joined.split("+"))
        yield replace(usual, translator=translator, constraints=parts, learner=learner)
