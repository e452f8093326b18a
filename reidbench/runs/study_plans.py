"""The plans of a study's runs: which fit, and why the others do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reidbench.config.benchmark import load_benchmark
from reidbench.config.compose import compose, override_targets, reject_unknown_overrides
from reidbench.config.recipe import Recipe
from reidbench.errors import UsageError
from reidbench.progress import Reporter
from reidbench.registry.loading import Plugins
from reidbench.registry.registry import Registry
from reidbench.results.measures import ACCURACIES
from reidbench.runs.launch import SETTING_OWNERS, Experiment, open_experiment
from reidbench.runs.options import ExperimentOptions, SweepOptions
from reidbench.runs.plan import Plan
from reidbench.runs.scheduler import FailedRun, Job
from reidbench.storage.keys import JSON, canonical
from reidbench.studies.study import Run, Study, load_study


@dataclass(frozen=True)
class PlannedStudy:
    """A study with the plans of its runs.

    Attributes:
        lines: the runs that fit, each with its plans, one a seed.
        unfit: the others.
    """

    study: Study
    seeds: tuple[int, ...]
    lines: Sequence[tuple[Run, Sequence[Plan]]]
    unfit: Sequence[FailedRun]

    @property
    def jobs(self) -> list[Job]:
        """One seed of everything before the next, so that an early end leaves a whole table."""
        numbers = range(len(self.seeds))
        return [Job(plans[i], run.title) for i in numbers for run, plans in self.lines]


def plan_study(
    study: str,
    options: SweepOptions,
    plugins: Plugins,
    reporter: Reporter,
    masks: str | None = None,
) -> PlannedStudy:
    """Return the plans of a study's runs; for the arguments see ``run_study``.

    Raises:
        UsageError: if there is no such study, or none of its runs can be composed.
    """
    loaded = _with_masks(load_study(study), masks)
    experiment, *others = options.experiments
    if others:
        raise UsageError("a study runs on one benchmark with one value of each parameter")
    experiment = replace(experiment, benchmark=experiment.benchmark or loaded.benchmark)
    chosen = tuple(options.seeds or load_benchmark(experiment.benchmark).seeds)
    opening = _Opening(plugins.registry, experiment, reporter)
    lines, unfit = _planned(loaded, opening, chosen, options.execution.precision)
    return PlannedStudy(loaded, chosen, lines, unfit)


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
