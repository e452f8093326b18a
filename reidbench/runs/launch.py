"""From options to plans, and from plans to recorded results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from reidbench.config.benchmark import Benchmark, DatasetSpec, load_benchmark
from reidbench.config.compatibility import NO_TRANSLATOR
from reidbench.config.compose import (
    OWN_MASKS,
    Request,
    compose,
    override_targets,
    refuse_unnamed,
    reject_unknown_overrides,
)
from reidbench.config.recipe import Recipe
from reidbench.errors import BusyError, ReidbenchError, UsageError
from reidbench.nn.weights import look_for_weights_in
from reidbench.progress import Progress, Reporter, silent
from reidbench.registry.faults import blaming
from reidbench.registry.loading import Plugins, notify
from reidbench.registry.registry import Registry
from reidbench.results.merging import with_facts_of
from reidbench.results.result import Result, load
from reidbench.runs import ledger
from reidbench.runs.contested import tell_contested
from reidbench.runs.options import ExecutionOptions, ExperimentOptions, hardware_of
from reidbench.runs.plan import Plan, plan
from reidbench.runs.recording import result_of, save_picture
from reidbench.runs.runner import Outcome, Session, run_plan, tell_no_picture
from reidbench.runs.setting import Setting, open_setting
from reidbench.runs.together import check_devices
from reidbench.storage.artifacts import Store
from reidbench.storage.files import writing
from reidbench.storage.keys import JSON

SETTING_OWNERS = ("source", "target", "protocol")
"""Parts of a benchmark that can be swapped, and whose parameters can be set."""

Announce = Callable[[Sequence[Plan], Session], None]
"""Called once before anything is computed, with the plans and the session they will run in."""


def announce_nothing(plans: Sequence[Plan], session: Session) -> None:
    """Say nothing of what will be done."""


@dataclass(frozen=True)
class Experiment:
    """A benchmark opened, and what the user set of the recipes on it.

    Attributes:
        settings: values set by hand that belong to recipes, by dotted name.
    """

    registry: Registry
    setting: Setting
    settings: Mapping[str, JSON]

    def recipes(self, requests: Sequence[Request]) -> list[Recipe]:
        """Return the recipe of each request; a setting goes to those that have its owner.

        Raises:
            UsageError: if none has it, as ``compose`` does, or if masks are to be made and nothing
                reads any.
        """
        owners = [override_targets(request, self.registry) for request in requests]
        reject_unknown_overrides(self.settings, frozenset().union(*owners))
        recipes = [self._recipe(r, o) for r, o in zip(requests, owners, strict=True)]
        made = {r.masks for r in requests} - {None, OWN_MASKS}
        if made and not any(recipe.segmenter for recipe in recipes):
            raise UsageError(f"--masks {made.pop()}: nothing in this run reads person masks")
        return recipes

    def floor(self, recipe: Recipe) -> Recipe | None:
        """Return direct transfer by the same learner, or None if ``recipe`` translates nothing.

        A method that ranks as ``recipe`` does goes before the plain one.
        """
        if recipe.translator is None:
            return None
        learner = recipe.learner.name
        named = [
            Request(method=m.name)
            for m in self.registry.methods()
            if (m.translator, m.strategy, m.learner) == (NO_TRANSLATOR, "source", learner)
        ]
        plain = Request(method="direct", learner=learner)
        floors = [self._recipe(r, override_targets(r, self.registry)) for r in (plain, *named)]
        return next((f for f in floors if f.embedding == recipe.embedding), floors[0])

    def plan(self, recipe: Recipe, seed: int, precision: str) -> Plan:
        """Return the stages of a run."""
        return plan(recipe, self.setting, seed, precision)

    def plans_with_floor(self, request: Request, seed: int, precision: str) -> list[Plan]:
        """Return the plan of a run, and that of direct transfer beside it if the run translates.

        Direct transfer goes last: what is wrong with the data shows before anything is trained.
        """
        (recipe,) = self.recipes([request])
        floor = self.floor(recipe)
        return [self.plan(r, seed, precision) for r in (recipe, floor) if r is not None]

    def _recipe(self, request: Request, owners: frozenset[str]) -> Recipe:
        kept = {k: v for k, v in self.settings.items() if k.rpartition(".")[0] in owners}
        return compose(request, self.setting.benchmark, self.registry, kept)


@dataclass(frozen=True)
class RecordedRun:
    """A plan that was carried out.

    Attributes:
        path: of the result file.
        picture: of the sheet of translated images; None if nothing was translated.
    """

    outcome: Outcome
    result: Result
    path: Path
    picture: Path | None


def open_experiment(
    registry: Registry, options: ExperimentOptions, reporter: Reporter
) -> Experiment:
    """Open a benchmark with the user's changes.

    Raises:
        UsageError: for unknown names or parameters.
        ReidbenchError: if a copy of a dataset cannot be used.
    """
    ours = {k: v for k, v in options.settings.items() if k.split(".")[0] in SETTING_OWNERS}
    theirs = {k: v for k, v in options.settings.items() if k not in ours}
    chosen = load_benchmark(options.benchmark)
    look_for_weights_in(options.data_root)
    parts = {name: getattr(options, name) for name in (*SETTING_OWNERS, "tested")}
    swapped = {name: part for name, part in parts.items() if part is not None}
    skip = options.skip_corrupt
    with _looking(skip, reporter) as progress:
        setting = open_setting(
            _swapped(chosen, swapped),
            registry,
            options.data_root,
            ours,
            skip_corrupt=skip,
            progress=progress,
        )
    missing = {"skip_corrupt": list(setting.left_out)} if setting.left_out else {}
    modified = {**swapped, **ours, **missing}
    return Experiment(registry, replace(setting, modified=modified), theirs)


def _looking(for_corrupt: bool, reporter: Reporter) -> AbstractContextManager[Progress]:
    return reporter.stage("look for corrupt images") if for_corrupt else nullcontext(silent)


def open_session(options: ExecutionOptions, plugins: Plugins, reporter: Reporter) -> Session:
    """Return a session; the folders to write to are tried before anything is computed.

    Raises:
        ReidbenchError: if one cannot be written.
        UsageError: if there is no such device or precision.
    """
    hardware = hardware_of(options)
    check_devices(hardware, options.device, options.devices)
    store = Store(options.cache, options.verify)
    for folder in filter(None, (options.results, options.profile)):
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
    if options.profile is not None:
        reporter.say(f"profiles of what is trained go to {options.profile}")
    return Session(
        store,
        hardware,
        reporter,
        plugins.manager.hook,
        options.checkpoint_every,
        dev=options.dev,
        profile=options.profile,
        devices=options.devices,
    )


def run_and_record(plan: Plan, session: Session, results: Path) -> RecordedRun:
    """Execute a plan and write its result, and a picture beside it; why it failed is kept too.

    What a result of the same run told of stages that have gone from the cache is kept.
    """
    started = datetime.now(UTC)
    try:
        return record(run_plan(plan, session), started, session, results)
    except BusyError:
        raise
    except Exception as error:
        ledger.failed(session.store.root, plan, results, error)
        raise


def record(outcome: Outcome, started: datetime, session: Session, results: Path) -> RecordedRun:
    """Write the result of what was carried out, begun at ``started``, and a picture beside it."""
    result = result_of(outcome, started)
    with suppress(ReidbenchError):  # there is none before it, or it cannot be read
        result = with_facts_of(result, load(results / result.file_name))
    path = result.save(results)
    done = RecordedRun(outcome, result, path, _picture(outcome, path, session))
    notify(session.hooks.reidbench_result, result=result)
    ledger.finished(session.store.root, outcome.plan, results)
    return done


def _picture(outcome: Outcome, result: Path, session: Session) -> Path | None:
    """Draw the picture beside a result; where that fails, say so: the result stays."""
    try:
        return save_picture(outcome, result.with_suffix(".png"))
    except Exception as error:
        tell_no_picture(error, session)
        return None


@blaming()
def run_with_floor(
    request: Request,
    seed: int,
    options: tuple[ExperimentOptions, ExecutionOptions],
    plugins: Plugins,
    reporter: Reporter,
    announce: Announce = announce_nothing,
) -> list[RecordedRun]:
    """Run what was asked for, then direct transfer by the same learner, and record both.

    Returns:
        The run that was asked for, and direct transfer if the run translates.

    Raises:
        UsageError: if the request names nothing, or what cannot be combined.
        ReidbenchError: if a stage fails; the finished ones stay in the cache.
    """
    experiment, execution = options
    refuse_unnamed(request)
    opened = open_experiment(plugins.registry, experiment, reporter)
    plans = opened.plans_with_floor(request, seed, execution.precision)
    session = open_session(execution, plugins, reporter)
    tell_contested(plans, plugins.registry, reporter)
    announce(plans, session)
    with ledger.under_way(session.store.root, plans, execution.results):
        return [run_and_record(each, session, execution.results) for each in plans]


@blaming()
def plan_of_request(
    request: Request,
    seed: int,
    options: tuple[ExperimentOptions, ExecutionOptions],
    plugins: Plugins,
    reporter: Reporter,
) -> Plan:
    """Return the plan of a run, without direct transfer beside it.

    Raises:
        UsageError: if the request names nothing, or what cannot be combined.
    """
    experiment, execution = options
    refuse_unnamed(request)
    opened = open_experiment(plugins.registry, experiment, reporter)
    (recipe,) = opened.recipes([request])
    return opened.plan(recipe, seed, execution.precision)


def _swapped(benchmark: Benchmark, swapped: Mapping[str, str]) -> Benchmark:
    """Return the benchmark on other datasets, evaluated as the target usually is or as named."""
    for role in ("source", "target"):
        if role in swapped:
            benchmark = replace(benchmark, **{role: DatasetSpec(swapped[role])})  # type: ignore[arg-type]
    if "target" in swapped:
        benchmark = replace(benchmark, protocol=DatasetSpec(""), splits=())
    if "protocol" in swapped:
        benchmark = replace(benchmark, protocol=DatasetSpec(swapped["protocol"]))
    if "tested" in swapped:
        benchmark = replace(benchmark, tested=swapped["tested"])  # type: ignore[arg-type]
    if swapped.keys() & {"source", "target"}:
        name = f"{benchmark.source.name}-to-{benchmark.target.name}"
        benchmark = replace(benchmark, name=name)
    return benchmark
