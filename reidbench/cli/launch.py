"""What ``run`` and ``sweep`` share: from the options of a command to plans and results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from reidbench.benchmark import Benchmark, DatasetSpec, load_benchmark
from reidbench.cli.bars import Bars
from reidbench.compose import (
    NO_TRANSLATOR,
    Request,
    compose,
    owners_of,
    parse_setting,
    refuse_strangers,
)
from reidbench.errors import UsageError
from reidbench.hardware import choose
from reidbench.keys import JSON
from reidbench.planning import Plan, Setting, open_setting, plan
from reidbench.plugins import Plugins
from reidbench.recipe import Recipe
from reidbench.recording import result_of
from reidbench.registry import Registry
from reidbench.results import Result
from reidbench.runner import Outcome, Session, execute
from reidbench.store import Store

SETTING_OWNERS = ("source", "target", "protocol")


@dataclass(frozen=True)
class Place:
    """Where a command computes and keeps things.

    Attributes:
        results: folder of result files.
        data_root: folder of the user's datasets.
    """

    device: str
    precision: str
    cache: Path
    results: Path
    data_root: str | None
    checkpoint_every: float

    def session(self, plugins: Plugins) -> Session:
        """Return a session on this place; the store is tried before anything is computed."""
        hardware = choose(self.device, self.precision)
        store = Store(self.cache)
        store.prepare()
        return Session(store, hardware, Bars(), plugins.manager.hook, self.checkpoint_every)


@dataclass(frozen=True)
class Ground:
    """A benchmark opened for a command, and what the user set of the recipes on it."""

    registry: Registry
    setting: Setting
    settings: Mapping[str, JSON]

    def recipes(self, requests: Sequence[Request]) -> list[Recipe]:
        """Return the recipe of each request; a setting goes to those that have its owner.

        Raises:
            UsageError: if none has it, and as ``compose`` does.
        """
        owners = [owners_of(request, self.registry) for request in requests]
        refuse_strangers(self.settings, frozenset().union(*owners))
        return [self._recipe(r, o) for r, o in zip(requests, owners, strict=True)]

    def floor(self, recipe: Recipe) -> Recipe | None:
        """Return direct transfer by the same learner, or None if ``recipe`` translates nothing."""
        if recipe.translator is None:
            return None
        request = Request(method="direct", learner=recipe.learner.name)
        return self._recipe(request, owners_of(request, self.registry))

    def plan(self, recipe: Recipe, seed: int, precision: str) -> Plan:
        """Return the stages of a run."""
        return plan(recipe, self.setting, seed, precision)

    def _recipe(self, request: Request, owners: frozenset[str]) -> Recipe:
        kept = {k: v for k, v in self.settings.items() if k.rpartition(".")[0] in owners}
        return compose(request, self.setting.benchmark, self.registry, kept)


def open_ground(
    registry: Registry,
    benchmark: str,
    source: str | None,
    target: str | None,
    data_root: str | None,
    settings: Sequence[str],
) -> Ground:
    """Open the benchmark of a command.

    Args:
        registry: where names are looked up.
        benchmark: name or path.
        source: dataset that takes the place of the benchmark's source.
        target: dataset that takes the place of the benchmark's target.
        data_root: folder of the user's datasets.
        settings: the texts of ``--set``.
    """
    values = dict(parse_setting(text) for text in settings)
    ours = {k: v for k, v in values.items() if k.split(".")[0] in SETTING_OWNERS}
    theirs = {k: v for k, v in values.items() if k not in ours}
    chosen = load_benchmark(benchmark)
    swapped = {k: v for k, v in (("source", source), ("target", target)) if v is not None}
    setting = open_setting(_swapped(chosen, swapped, registry), registry, data_root, ours)
    return Ground(registry, replace(setting, modified={**swapped, **ours}), theirs)


def carry_out(plan: Plan, session: Session, results: Path) -> tuple[Outcome, Result, Path]:
    """Execute a plan and write its result."""
    started = datetime.now(UTC)
    outcome = execute(plan, session)
    result = result_of(outcome, started)
    session.hooks.reidbench_result(result=result)
    return outcome, result, result.save(results)


def request_of(
    method: str | None,
    translator: str | None,
    constraints: Sequence[str],
    learner: str | None,
    strategy: str | None,
) -> Request:
    """Return what the options name.

    Raises:
        UsageError: if they name nothing to run.
    """
    if method is None and translator is None:
        raise UsageError(
            "name what to run: --method METHOD, or --translator TRANSLATOR with any number of "
            f"--constraint; --translator {NO_TRANSLATOR} is direct transfer (see: reidbench list)"
        )
    return Request(method, translator, constraints, learner, strategy)


def _swapped(benchmark: Benchmark, swapped: Mapping[str, str], registry: Registry) -> Benchmark:
    """Return the benchmark on other datasets, evaluated as the target usually is."""
    if not swapped:
        return benchmark
    source = DatasetSpec(swapped["source"]) if "source" in swapped else benchmark.source
    target = DatasetSpec(swapped["target"]) if "target" in swapped else benchmark.target
    protocol = benchmark.protocol
    if "target" in swapped:
        protocol = DatasetSpec(registry.entry("dataset", target.name).load().protocol)
    name = f"{source.name}-to-{target.name}"
    return replace(benchmark, name=name, source=source, target=target, protocol=protocol)
