"""``reidbench run``: one recipe on one benchmark with one seed."""

from __future__ import annotations

import json
from pathlib import Path

import click

from reidbench.cli import options


@click.command("run")
@options.recipe
@options.setting
@options.place
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Random seed.")
@options.as_json
def command(
    method: str | None,
    translator: str | None,
    constraints: tuple[str, ...],
    learner: str | None,
    strategy: str | None,
    benchmark: str,
    source: str | None,
    target: str | None,
    settings: tuple[str, ...],
    data_root: str | None,
    device: str,
    precision: str,
    cache: Path,
    results: Path,
    checkpoint_every: float,
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
    """
    from reidbench.cli import launch, show
    from reidbench.plugins import load_plugins
    from reidbench.recording import save_picture, stage_seconds

    plugins = load_plugins()
    request = launch.request_of(method, translator, constraints, learner, strategy)
    ground = launch.open_ground(plugins.registry, benchmark, source, target, data_root, settings)
    place = launch.Place(device, precision, cache, results, data_root, checkpoint_every)
    (recipe,) = ground.recipes([request])
    floor = ground.floor(recipe)
    plans = [ground.plan(r, seed, precision) for r in (floor, recipe) if r is not None]
    session = place.session(plugins)
    show.plans(plans, session)
    done = [launch.carry_out(plan, session, results) for plan in plans]
    outcome, result, path = done[-1]
    picture = save_picture(outcome, path.with_suffix(".png"))
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2))
        return
    show.measured([r for _, r, _ in done])
    show.times(stage_seconds([o for o, _, _ in done]))
    show.paths(path, picture)
