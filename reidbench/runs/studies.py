"""Runs of a study: a table or figure of a paper, run, indexed and drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reidbench.config.benchmark import load_benchmark
from reidbench.config.compose import compose, override_targets, reject_unknown_overrides
from reidbench.config.recipe import Recipe
from reidbench.errors import UsageError
from reidbench.evaluation.trials import Spread, spread
from reidbench.plots import draw
from reidbench.plots.sources import Wish, chart_of_study
from reidbench.progress import Reporter
from reidbench.registry.faults import blaming
from reidbench.registry.loading import Plugins
from reidbench.registry.registry import Registry
from reidbench.results import html
from reidbench.results.measures import ACCURACIES
from reidbench.results.numbers import percent
from reidbench.results.reported import Reported, load_reported
from reidbench.results.result import Result
from reidbench.runs.contested import tell_contested
from reidbench.runs.launch import (
    SETTING_OWNERS,
    Announce,
    Experiment,
    RecordedRun,
    announce_nothing,
    open_experiment,
    open_session,
)
from reidbench.runs.options import ExecutionOptions, ExperimentOptions
from reidbench.runs.plan import Plan
from reidbench.runs.scheduler import FailedRun, Job, OnFailure, run_all
from reidbench.runs.sweeps import SweepResults
from reidbench.storage.keys import JSON, canonical
from reidbench.studies.index import index_of
from reidbench.studies.study import Run, Study, load_study

TABULATED = ("mAP", "mAP_trapezoid", "rank1", "rank5")
"""Measures in the table of every study."""


@dataclass(frozen=True)
class MeasuredRun:
    """A run of a study with its results, one a seed, and their files."""

    run: Run
    results: tuple[Result, ...]
    paths: tuple[Path, ...]

    def spread(self, measure: str) -> Spread:
        """Return mean and standard deviation over the seeds."""
        return spread([r.measure(measure) for r in self.results])

    def to_dict(self, measures: Sequence[str]) -> dict[str, JSON]:
        """Return what was run and its measures, ready for JSON."""
        first = self.results[0]
        return {
            "run": self.run.title,
            "recipe": first.recipe["name"],
            "benchmark": first.benchmark["name"],
            "seeds": [r.seed for r in self.results],
            "measures": {m: self.spread(m).to_dict() for m in measures},
            "results": [str(p) for p in self.paths],
        }


@dataclass(frozen=True)
class StudyResults(SweepResults):
    """The results of a study.

    Attributes:
        study: what was run.
        measured: its runs that have a result.
        reported: what the paper reports.
        index: file that names the results; None if there are none.
        figure: drawn from them; None if there are none.
    """

    study: Study
    measured: tuple[MeasuredRun, ...]
    reported: tuple[Reported, ...]
    index: Path | None
    figure: Path | None

    @property
    def measures(self) -> tuple[str, ...]:
        """Those of the study's table."""
        return measures_of(self.study)

    def to_dict(self) -> dict[str, JSON]:
        """Return the study's table and files, ready for JSON, with measures in [0, 1]."""
        return {
            "study": self.study.name,
            "title": self.study.title,
            "measured": [m.to_dict(self.measures) for m in self.measured],
            "reported": [r.to_dict() for r in self.reported],
            "index": str(self.index) if self.index else None,
            "figure": str(self.figure) if self.figure else None,
        }

    def _repr_html_(self) -> str:
        rows = [
            (m.run.title, *(percent(m.spread(name)) for name in self.measures), str(len(m.results)))
            for m in self.measured
        ]
        headings = ("Run", *map(html.heading, self.measures), "Seeds")
        return html.table(self.study.title, headings, rows) + html.listed(
            "Failed", map(str, self.failures)
        )


@blaming()
def run_study(
    study: str,
    seeds: Sequence[int] | None,
    options: tuple[ExperimentOptions, ExecutionOptions],
    plugins: Plugins,
    reporter: Reporter,
    masks: str | None = None,
    announce: Announce = announce_nothing,
    on_failure: OnFailure | None = None,
) -> StudyResults:
    """Run a study, write the index of its results and draw its figure.

    Args:
        study: name, or the path of a ``.toml`` file.
        seeds: of the runs; None or none for the benchmark's own.
        options: of the benchmark, the study's own if it is empty, and of where to compute.
        plugins: where names are looked up.
        reporter: shows the stages.
        masks: what makes person masks, in place of what the study names.
        announce: told of the plans before anything is computed.
        on_failure: told of each failed run; without it the reporter is.

    Raises:
        UsageError: if there is no such study, or none of its runs can be composed.
    """
    loaded = _with_masks(load_study(study), masks)
    experiment, execution = options
    experiment = replace(experiment, benchmark=experiment.benchmark or loaded.benchmark)
    reported = loaded.cited(load_reported())
    chosen = tuple(seeds or load_benchmark(experiment.benchmark).seeds)
    opening = _Opening(plugins.registry, experiment, reporter)
    lines, unfit = _planned(loaded, opening, chosen, execution.precision)
    session = open_session(execution, plugins, reporter)
    told = on_failure or (lambda failed: reporter.say(f"failed {failed}"))
    for failed in unfit:
        told(failed)
    # One seed of everything before the next: an early end leaves a whole table of fewer seeds.
    jobs = [Job(plans[i], run.title) for i in range(len(chosen)) for run, plans in lines]
    tell_contested([job.plan for job in jobs], plugins.registry, reporter)
    announce([job.plan for job in jobs], session)
    outcomes = run_all(jobs, session, execution.results, told)
    measured = list(_measured([run for run, _ in lines], outcomes))
    files = _written(loaded, measured, chosen, reported) if measured else (None, None)
    done = [o for o in outcomes if isinstance(o, RecordedRun)]
    failures = (*unfit, *(o for o in outcomes if isinstance(o, FailedRun)))
    recorded = tuple(d.result for d in done), tuple(d.path for d in done), failures
    return StudyResults(*recorded, loaded, tuple(measured), reported, *files)


def measures_of(study: Study) -> tuple[str, ...]:
    """Return the measures of a study's table."""
    return (*TABULATED, *(ACCURACIES if study.measure in ACCURACIES else ()))


def _measured(
    runs: Sequence[Run], outcomes: Sequence[RecordedRun | FailedRun]
) -> Iterator[MeasuredRun]:
    """Yield the runs that have a result; outcomes stand in the runs' order, seed after seed."""
    for number, run in enumerate(runs):
        done = [o for o in outcomes[number :: len(runs)] if isinstance(o, RecordedRun)]
        if done:
            yield MeasuredRun(run, tuple(d.result for d in done), tuple(d.path for d in done))


def _planned(
    study: Study, opening: _Opening, seeds: Sequence[int], precision: str
) -> tuple[list[tuple[Run, list[Plan]]], list[FailedRun]]:
    """Return the runs whose parts are installed and fit together, and why the others do not."""
    by_hand = opening.options.settings
    _refuse_conflicts(study, by_hand)
    registry = opening.registry
    lines, unfit = [], []
    owners: set[str] = set()
    for run in study.runs:
        try:
            owners |= override_targets(run.request, registry)
            opened = opening.opened(run)
            recipe = compose(run.request, opened.setting.benchmark, registry, opening.own(run))
            _check_measure(study, recipe)
            lines.append((run, [opened.plan(recipe, s, precision) for s in seeds]))
        except UsageError as error:
            reason = UsageError(str(error).removeprefix("--set "))
            unfit.append(FailedRun(f"{study.path.name}: run '{run.title}'", reason))
    if not lines:
        raise UsageError("nothing of this study can be run:\n" + "\n".join(map(str, unfit)))
    theirs = {k: v for k, v in by_hand.items() if not _of_benchmark(k)}
    reject_unknown_overrides(theirs, frozenset(owners))
    return lines, unfit


def _check_measure(study: Study, recipe: Recipe) -> None:
    translates = recipe.translator is not None and not recipe.to_source
    if study.measure in ACCURACIES and not translates:
        raise UsageError(f"it translates no training images: it has no {study.measure}")


def _with_masks(study: Study, masks: str | None) -> Study:
    """Return the study with other masks, if they are named."""
    if masks is None:
        return study
    runs = [replace(run, request=replace(run.request, masks=masks)) for run in study.runs]
    return replace(study, runs=tuple(runs))


class _Opening:
    """Opens a benchmark once for each way in which the runs of a study change it."""

    def __init__(self, registry: Registry, options: ExperimentOptions, reporter: Reporter) -> None:
        self.registry, self.options, self._reporter = registry, options, reporter
        self._opened: dict[str, Experiment] = {}

    def opened(self, run: Run) -> Experiment:
        """Return the benchmark as a run wants it."""
        ours = {k: v for k, v in run.settings.items() if _of_benchmark(k)}
        key = canonical([run.protocol, run.tested, ours])
        if key not in self._opened:
            options = replace(
                self.options,
                protocol=run.protocol or self.options.protocol,
                tested=run.tested or self.options.tested,
                settings={**self.options.settings, **ours},
            )
            self._opened[key] = open_experiment(self.registry, options, self._reporter)
        return self._opened[key]

    def own(self, run: Run) -> dict[str, JSON]:
        """Return the run's settings of its recipe, and those set by hand that have an owner."""
        owners = override_targets(run.request, self.registry)
        by_hand = self.opened(run).settings
        kept = {k: v for k, v in by_hand.items() if k.rpartition(".")[0] in owners}
        return kept | {k: v for k, v in run.settings.items() if not _of_benchmark(k)}


def _of_benchmark(name: str) -> bool:
    return name.split(".")[0] in SETTING_OWNERS


def _refuse_conflicts(study: Study, by_hand: Mapping[str, JSON]) -> None:
    theirs = {name for run in study.runs for name in run.settings}
    if both := sorted(theirs & by_hand.keys()):
        raise UsageError(f"--set {both[0]}: the study '{study.name}' sets it itself")


def _written(
    study: Study,
    measured: Sequence[MeasuredRun],
    seeds: tuple[int, ...],
    reported: tuple[Reported, ...],
) -> tuple[Path, Path]:
    """Write the index of a study beside its results, and the figure beside the index."""
    index = index_of(study, [(m.run, m.paths) for m in measured], seeds, reported)
    path = index.save(measured[0].paths[0].parent)
    figure = path.with_suffix(".svg")
    draw.write(chart_of_study(index, path, Wish()), figure)
    return path, figure
