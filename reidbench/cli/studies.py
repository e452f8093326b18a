"""``reidbench sweep --study``: a table or figure of a paper, run, tabulated and drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from reidbench.cli import launch, options, show
from reidbench.cli.attempts import refuse_failures, run_and_record_all
from reidbench.cli.reported import show_reported
from reidbench.cli.tables import console, show_table
from reidbench.config.benchmark import load_benchmark
from reidbench.config.compose import (
    compose,
    override_targets,
    parse_setting,
    reject_unknown_overrides,
)
from reidbench.config.recipe import Recipe
from reidbench.errors import UsageError
from reidbench.evaluation.trials import Spread, spread
from reidbench.plots import draw
from reidbench.plots.sources import Wish, chart_of_study
from reidbench.registry.loading import load_plugins
from reidbench.registry.registry import Registry
from reidbench.results.measures import ACCURACIES, labels
from reidbench.results.numbers import percent
from reidbench.results.reported import Reported, load_reported
from reidbench.results.result import Result
from reidbench.runs.plan import Plan
from reidbench.storage.keys import JSON, canonical
from reidbench.studies.index import index_of
from reidbench.studies.study import Run, Study, load_study

SHOWN = labels("mAP", "mAP_trapezoid", "rank1", "rank5")
RECOGNISED = labels(*ACCURACIES)


@dataclass
class Line:
    """A run of a study, its plans, and what came of them, one a seed."""

    run: Run
    plans: list[Plan]
    results: list[Result] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)

    def spread(self, measure: str) -> Spread:
        """Return mean and standard deviation over the seeds."""
        return spread([r.measure(measure) for r in self.results])


@dataclass(frozen=True)
class Written:
    """The files of a study: its index and its figure."""

    index: Path
    figure: Path


def run_study(
    name: str,
    masks: str | None,
    seeds: tuple[int, ...] | None,
    ground: options.ExperimentOptions,
    place: options.Place,
    as_json: bool,
) -> None:
    """Run a study on the benchmark of ``ground``, or on its own if that names none.

    Raises:
        UsageError: if there is no such study, or none of its runs can be composed.
        ReidbenchError: at the end, if some of the runs failed.
    """
    study = _with_masks(load_study(name), masks)
    reported = study.cited(load_reported())
    ground = replace(ground, benchmark=ground.benchmark or study.benchmark)
    chosen = seeds or load_benchmark(ground.benchmark).seeds
    plugins = load_plugins()
    lines, failures = _lines(study, plugins.registry, ground, chosen, place.precision)
    session = launch.open_session(place, plugins)
    unfit = len(failures)
    for failure in failures:
        show.failure(failure)
    # One seed of everything before the next: an early end leaves a whole table of fewer seeds.
    jobs = [(line, line.plans[i]) for i in range(len(chosen)) for line in lines]
    show.plans([plan for _, plan in jobs], session)
    titled = [(plan, line.run.title) for line, plan in jobs]
    every = run_and_record_all(titled, session, place.results, failures)
    for (line, _), done in zip(jobs, every, strict=True):
        if done:
            line.results.append(done.result)
            line.paths.append(done.path)
    measured = [line for line in lines if line.results]
    written = _written(study, measured, chosen, reported) if measured else None
    if as_json:
        click.echo(json.dumps(_record(study, measured, reported, written), indent=2))
    else:
        _show(study, measured, reported, written)
    refuse_failures(failures, len(jobs) + unfit)


def _lines(
    study: Study,
    registry: Registry,
    ground: options.ExperimentOptions,
    seeds: Sequence[int],
    precision: str,
) -> tuple[list[Line], list[str]]:
    """Return the lines whose parts are installed and fit together, and why the others do not."""
    by_hand = dict(parse_setting(text) for text in ground.settings)
    _refuse_conflicts(study, by_hand)
    opening = _Opening(registry, ground)
    lines, failures = [], []
    owners: set[str] = set()
    for run in study.runs:
        try:
            owners |= override_targets(run.request, registry)
            opened = opening.opened(run)
            recipe = compose(run.request, opened.setting.benchmark, registry, opening.own(run))
            _check_measure(study, recipe)
            lines.append(Line(run, [opened.plan(recipe, s, precision) for s in seeds]))
        except UsageError as error:
            reason = str(error).removeprefix("--set ")
            failures += [f"{study.path.name}: run '{run.title}': {reason}"]
    if not lines:
        raise UsageError("nothing of this study can be run:\n" + "\n".join(failures))
    reject_unknown_overrides(
        {k: v for k, v in by_hand.items() if not _of_ground(k)}, frozenset(owners)
    )
    return lines, failures


def _check_measure(study: Study, recipe: Recipe) -> None:
    translates = recipe.translator is not None and not recipe.to_source
    if study.measure in ACCURACIES and not translates:
        raise UsageError(f"it translates no training images: it has no {study.measure}")


def _columns(study: Study) -> dict[str, str]:
    """Return the headings of the measures that a study's table shows."""
    return SHOWN | (RECOGNISED if study.measure in ACCURACIES else {})


def _with_masks(study: Study, masks: str | None) -> Study:
    """Return the study with other masks, if they are named."""
    if masks is None:
        return study
    runs = [replace(run, request=replace(run.request, masks=masks)) for run in study.runs]
    return replace(study, runs=tuple(runs))


class _Opening:
    """Opens a benchmark once for each way in which the runs of a study change it."""

    def __init__(self, registry: Registry, ground: options.ExperimentOptions) -> None:
        self._registry, self._ground = registry, ground
        self._opened: dict[str, launch.Experiment] = {}

    def opened(self, run: Run) -> launch.Experiment:
        """Return the benchmark as a run wants it."""
        ours = {k: v for k, v in run.settings.items() if _of_ground(k)}
        key = canonical([run.protocol, run.tested, ours])
        if key not in self._opened:
            texts = tuple(f"{name}={json.dumps(value)}" for name, value in ours.items())
            named = replace(
                self._ground,
                protocol=run.protocol or self._ground.protocol,
                tested=run.tested or self._ground.tested,
                settings=(*self._ground.settings, *texts),
            )
            self._opened[key] = launch.open_experiment(self._registry, named)
        return self._opened[key]

    def own(self, run: Run) -> dict[str, JSON]:
        """Return the run's settings of its recipe, and those set by hand that have an owner."""
        owners = override_targets(run.request, self._registry)
        by_hand = self.opened(run).settings
        kept = {k: v for k, v in by_hand.items() if k.rpartition(".")[0] in owners}
        return kept | {k: v for k, v in run.settings.items() if not _of_ground(k)}


def _of_ground(name: str) -> bool:
    return name.split(".")[0] in launch.SETTING_OWNERS


def _refuse_conflicts(study: Study, by_hand: Mapping[str, JSON]) -> None:
    theirs = {name for run in study.runs for name in run.settings}
    if both := sorted(theirs & by_hand.keys()):
        raise UsageError(f"--set {both[0]}: the study '{study.name}' sets it itself")


def _written(
    study: Study, lines: Sequence[Line], seeds: tuple[int, ...], reported: tuple[Reported, ...]
) -> Written:
    """Write the index of a study beside its results, and the figure beside the index."""
    index = index_of(study, [(line.run, line.paths) for line in lines], seeds, reported)
    path = index.save(lines[0].paths[0].parent)
    figure = path.with_suffix(".svg")
    draw.write(chart_of_study(index, path, Wish()), figure)
    return Written(path, figure)


def _record(
    study: Study, lines: Sequence[Line], reported: Sequence[Reported], written: Written | None
) -> dict[str, Any]:
    return {
        "study": study.name,
        "title": study.title,
        "measured": [
            {
                "run": line.run.title,
                "recipe": line.results[0].recipe["name"],
                "benchmark": line.results[0].benchmark["name"],
                "seeds": [r.seed for r in line.results],
                "measures": {m: line.spread(m).to_dict() for m in _columns(study)},
                "results": [str(p) for p in line.paths],
            }
            for line in lines
        ],
        "reported": [r.to_dict() for r in reported],
        "index": str(written.index) if written else None,
        "figure": str(written.figure) if written else None,
    }


def _show(
    study: Study, lines: Sequence[Line], reported: Sequence[Reported], written: Written | None
) -> None:
    if written is None:
        return
    benchmark = lines[0].results[0].benchmark
    kind = " (synthetic images)" if benchmark["synthetic"] else ""
    title = f"Measured on {benchmark['name']} v{benchmark['version']}{kind}: {study.title}"
    console().print(title, style="bold", markup=False)
    columns = _columns(study)
    headings = (*columns.values(), "Seeds")
    rows = [
        (line.run.title, *(percent(line.spread(m)) for m in columns), str(len(line.results)))
        for line in lines
    ]
    show_table("", ("Run", *headings), rows, headings)
    console().print("in percent: mean ± standard deviation over the seeds", style="dim")
    if study.note:
        console().print(study.note, style="dim", markup=False)
    if reported:
        click.echo()
        show_reported(reported)
    click.echo(f"\nindex   {written.index}\nfigure  {written.figure}")
