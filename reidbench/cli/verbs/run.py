"""``reidbench run``: one recipe on one benchmark with one seed."""

from __future__ import annotations

import json

import click

from reidbench.cli import options


@click.command("run")
@options.recipe
@options.ground
@options.place
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Random seed.")
@options.as_json
def command(
    named: options.Named,
    ground: options.ExperimentOptions,
    place: options.Place,
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
    """
    from reidbench.cli import launch, show
    from reidbench.registry.loading import load_plugins
    from reidbench.runs.recording import unique_stages

    plugins = load_plugins()
    request = launch.request_of(named)
    opened = launch.open_experiment(plugins.registry, ground)
    (recipe,) = opened.recipes([request])
    floor = opened.floor(recipe)
    # Direct transfer goes last: what is wrong with the data shows before anything is trained.
    plans = [opened.plan(r, seed, place.precision) for r in (recipe, floor) if r is not None]
    session = launch.open_session(place, plugins)
    show.plans(plans, session)
    done = [launch.run_and_record(plan, session, place.results) for plan in plans]
    if as_json:
        click.echo(json.dumps(done[0].result.to_dict(), indent=2))
        return
    show.measured([d.result for d in reversed(done)])
    show.times(unique_stages(d.outcome for d in done))
    show.paths(done[0].path, done[0].picture)
