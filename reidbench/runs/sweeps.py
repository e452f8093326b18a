"""Sweeps: names become requests, requests times seeds become runs, runs become results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from reidbench.config.compatibility import NO_TRANSLATOR
from reidbench.config.compose import Request
from reidbench.errors import ReidbenchError, UsageError
from reidbench.progress import Reporter
from reidbench.registry.faults import blaming
from reidbench.registry.loading import Plugins
from reidbench.registry.registry import Registry
from reidbench.results import html
from reidbench.results.notebook import Listing
from reidbench.results.result import Result
from reidbench.runs.contested import tell_contested
from reidbench.runs.engines.choice import check_engine, run_jobs
from reidbench.runs.launch import (
    Announce,
    RecordedRun,
    announce_nothing,
    open_experiment,
    open_session,
)
from reidbench.runs.options import SweepOptions
from reidbench.runs.plan import Plan
from reidbench.runs.plan_checks import truth_served
from reidbench.runs.scheduler import FailedRun, Job, OnFailure
from reidbench.storage.keys import JSON


@dataclass(frozen=True)
class Combinations:
    """Names to combine.

    Attributes:
        methods: "all" is every method that is installed and that the data can serve.
        constraints: those of one run joined by "+"; "none" is no constraint.
        strategy: what is learned from, for all runs that translate.
        direction: of translation, for these too.
        masks: what makes person masks, for all runs.
    """

    methods: Sequence[str] = ()
    translators: Sequence[str] = ()
    constraints: Sequence[str] = ()
    learners: Sequence[str] = ()
    strategy: str | None = None
    direction: str | None = None
    masks: str | None = None


class SweepError(ReidbenchError):
    """Some runs of a sweep failed.

    Attributes:
        sweep: the results of the others, and the failures.
    """

    def __init__(self, message: str, sweep: SweepResults) -> None:
        super().__init__(message)
        self.sweep = sweep


@dataclass(frozen=True)
class SweepResults(Listing):
    """The runs of a sweep: a sequence of results, and the runs that failed.

    Attributes:
        results: of the runs that finished, in the order they were planned.
        paths: of their files, in the same order.
        failures: of the runs that did not.
    """

    results: tuple[Result, ...]
    paths: tuple[Path, ...]
    failures: tuple[FailedRun, ...]

    def raise_failures(self, said: Callable[[FailedRun], str] = str) -> None:
        """Raise if some of the runs failed.

        Args:
            said: words of one failure, in one line.

        Raises:
            SweepError: listing the failures; it holds these results.
        """
        if self.failures:
            runs = len(self.results) + len(self.failures)
            listed = "\n".join(map(said, self.failures))
            raise SweepError(f"{len(self.failures)} of {runs} runs failed:\n{listed}", self)

    def to_dict(self) -> dict[str, JSON]:
        """Return results and failures, ready for JSON."""
        return {
            "results": [r.to_dict() for r in self.results],
            "failures": [f.to_dict() for f in self.failures],
        }

    def _repr_html_(self) -> str:
        return html.of_results(self.results) + html.listed("Failed", map(str, self.failures))


@blaming()
def run_sweep(
    names: Combinations,
    options: SweepOptions,
    plugins: Plugins,
    reporter: Reporter,
    announce: Announce = announce_nothing,
    on_failure: OnFailure | None = None,
) -> SweepResults:
    """Run methods x learners, and translators x constraints x learners, with each seed.

    Args:
        names: what to combine.
        options: of the benchmarks, and of where to compute.
        plugins: where names are looked up.
        reporter: shows the stages.
        announce: told of the plans before anything is computed.
        on_failure: told of each failed run; without it the reporter is.

    Raises:
        UsageError: if nothing is named, or what cannot be combined.
    """
    execution = options.execution
    check_engine(options.engine, execution)
    jobs = jobs_of(names, options, plugins, reporter)
    session = open_session(execution, plugins, reporter)
    tell_contested([job.plan for job in jobs], plugins.registry, reporter)
    announce([job.plan for job in jobs], session)
    outcomes = run_jobs(jobs, session, execution, options.engine, on_failure)
    done = [o for o in outcomes if isinstance(o, RecordedRun)]
    failures = tuple(o for o in outcomes if isinstance(o, FailedRun))
    return SweepResults(tuple(d.result for d in done), tuple(d.path for d in done), failures)


def jobs_of(
    names: Combinations, options: SweepOptions, plugins: Plugins, reporter: Reporter
) -> list[Job]:
    """Return the runs of a sweep, each once: benchmark by benchmark, seed by seed.

    Raises:
        UsageError: if nothing is named, or what cannot be combined.
    """
    requests = list(requests_of(names, plugins.registry))
    everything = "all" in names.methods
    several = len({e.benchmark for e in options.experiments}) > 1
    jobs: dict[tuple[str, ...], Job] = {}
    for experiment in options.experiments:
        opened = open_experiment(plugins.registry, experiment, reporter)
        recipes = {r.digest: r for r in opened.recipes(requests)}
        if everything:
            recipes = {d: r for d, r in recipes.items() if truth_served(r, opened.setting)}
        for seed in options.seeds or opened.setting.benchmark.seeds:
            for recipe in recipes.values():
                plan = opened.plan(recipe, seed, options.execution.precision)
                # A value that is set of one method leaves the others what they are.
                same = experiment.benchmark, recipe.digest, *(e.key for e in plan.ends)
                jobs.setdefault(same, Job(plan, title_of(plan, several)))
    return list(jobs.values())


def title_of(plan: Plan, with_benchmark: bool = False) -> str:
    """Return the name of a run's recipe, with what was set by hand and perhaps the benchmark."""
    changed = {**plan.setting.modified, **plan.recipe.modified}
    where = f"on {plan.setting.benchmark.name}" if with_benchmark else ""
    parts = (plan.recipe.name, *(f"{k}={v}" for k, v in changed.items()), where)
    return " ".join(part for part in parts if part)


def requests_of(names: Combinations, registry: Registry) -> Iterator[Request]:
    """Yield the request of each combination.

    Raises:
        UsageError: if nothing is named, or constraints without a translator.
    """
    if not (names.methods or names.translators):
        raise UsageError("name what to run: --method or --translator (see: reidbench list)")
    if names.constraints and not names.translators:
        raise UsageError("--constraint goes with --translator; a method has its own")
    usual = Request(strategy=names.strategy, direction=names.direction, masks=names.masks)
    learners = names.learners or (None,)
    methods = [m.name for m in registry.methods()] if "all" in names.methods else names.methods
    for method, learner in product(methods, learners):
        translates = registry.method(method).translator != NO_TRANSLATOR
        of_all = usual if translates else Request(masks=names.masks)
        yield replace(of_all, method=method, learner=learner)
    for translator, joined, learner in product(
        names.translators, names.constraints or ("none",), learners
    ):
        parts = () if joined == "none" else tuple(joined.split("+"))
        yield replace(usual, translator=translator, constraints=parts, learner=learner)
