"""A sweep before it is made: what is new, what is at hand, and how long it may take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from reidbench.results.result import Result, load_all
from reidbench.runs.parallel import SweepGraph, graph_of
from reidbench.runs.scheduler import Job
from reidbench.schedule import simulate
from reidbench.stages import Stage
from reidbench.storage.artifacts import Store
from reidbench.storage.keys import JSON, canonical, digest

Recorded = tuple[str, float]  # device and seconds


@dataclass(frozen=True)
class ForecastRun:
    """One run of a sweep.

    Attributes:
        title: name, seed and what was set by hand.
        stages: of the run.
        missing: of those that nobody has computed.
    """

    title: str
    stages: int
    missing: int


@dataclass(frozen=True)
class ForecastStages:
    """Stages of one title that are to be computed.

    Attributes:
        seconds: of all of them whose like was recorded.
        unknown: number of those whose like was not.
    """

    title: str
    count: int
    seconds: float
    unknown: int


@dataclass(frozen=True)
class Forecast:
    """Cost of a sweep.

    Attributes:
        runs: in their order.
        wanted: stages of all runs, as if nothing were shared.
        distinct: of those, each once.
        stages: the distinct ones that are to be computed, by title.
        jobs: stages that are computed at a time.
        seconds: until all is done by that many, of the stages whose like was recorded.
        whole: seconds until each run is whole, likewise.
        devices: on which those seconds were recorded.
    """

    runs: tuple[ForecastRun, ...]
    wanted: int
    distinct: int
    stages: tuple[ForecastStages, ...]
    jobs: int
    seconds: float
    whole: tuple[float, ...]
    devices: tuple[str, ...]

    @property
    def missing(self) -> int:
        """Number of distinct stages that are to be computed."""
        return sum(stage.count for stage in self.stages)

    @property
    def unknown(self) -> int:
        """Number of those whose like was never recorded."""
        return sum(stage.unknown for stage in self.stages)

    def to_dict(self) -> dict[str, JSON]:
        """Return everything, ready for JSON."""
        return {**asdict(self), "missing": self.missing, "unknown": self.unknown}


class Experience:
    """The recorded seconds of stages that are like a given one but for the seed."""

    def __init__(self, store: Store, results: Path, device: str) -> None:
        """Read what is recorded.

        Args:
            store: artifacts tell their seconds.
            results: folder of results, which tell those of stages that are no longer kept.
            device: whose seconds go before those of others.
        """
        self._device = device
        self._of: dict[str, str | None] = {}
        manifests = {a.key: a.manifest for a in store.artifacts()}
        self._alike: dict[str, list[Recorded]] = {}
        for key, manifest in manifests.items():
            if (likeness := self._recorded(key, manifests)) is not None:
                found = manifest.get("device", ""), float(manifest["seconds"])
                self._alike.setdefault(likeness, []).append(found)
        for result in load_all(results).results:
            for name, recorded in _of_result(result):
                self._alike.setdefault(name, []).append(recorded)

    def of(self, stage: Stage, job: Job) -> Recorded | None:
        """Return device and median seconds of the like of a stage that a run wants, or None."""
        found = self._alike.get(self._planned(stage)) or self._alike.get(_titled(stage, job))
        if not found:
            return None
        mine = [r for r in found if r[0] == self._device] or found
        return mine[0][0], median(seconds for _, seconds in mine)

    def _planned(self, stage: Stage) -> str:
        if (known := self._of.get(stage.key)) is None:
            inputs = [self._planned(i) for i in stage.inputs]
            known = self._of[stage.key] = _likeness(stage.facts, inputs)
        return known

    def _recorded(self, key: str, manifests: Mapping[str, Mapping[str, Any]]) -> str | None:
        """Return the likeness of an artifact; None where one of its inputs is no longer kept."""
        if key not in self._of:
            facts = manifests.get(key)
            known = None
            if facts is not None and facts.get("seconds") is not None and "inputs" in facts:
                inputs = [self._recorded(i, manifests) for i in facts["inputs"]]
                known = None if None in inputs else _likeness(facts, inputs)
            if known is None:
                return None
            self._of[key] = known
        return self._of[key]


def _likeness(facts: Mapping[str, Any], inputs: Sequence[str | None]) -> str:
    values = facts["values"]
    if isinstance(values, dict):
        values = {name: value for name, value in values.items() if name != "seed"}
    return digest([facts["stage"], facts["version"], values, list(inputs)])


def _of_result(result: Result) -> Iterator[tuple[str, Recorded]]:
    stages: Any = result.execution.get("stages", [])
    for stage in stages:
        if {"title", "seconds", "device"} <= stage.keys():
            name = canonical([result.benchmark["digest"], dict(result.modified), stage["title"]])
            yield name, (stage["device"], stage["seconds"])


def _titled(stage: Stage, job: Job) -> str:
    plan = job.plan
    changed = {**plan.setting.modified, **plan.recipe.modified}
    return canonical([plan.setting.benchmark.digest, changed, stage.title])


def forecast(
    jobs: Sequence[Job], store: Store, results: Path, at_a_time: int, device: str
) -> Forecast:
    """Return what a sweep will cost; nothing is written.

    Args:
        jobs: its runs.
        store: what is at hand.
        results: folder of results.
        at_a_time: stages that will be computed at a time.
        device: on which, as results name it.
    """
    sweep = graph_of(jobs, store)
    experience = Experience(store, results, device)
    nodes = sweep.graph.nodes
    known = {k: experience.of(sweep.stages[k], jobs[n.rows[0]]) for k, n in nodes.items()}
    seconds = {key: recorded[1] if recorded else 0.0 for key, recorded in known.items()}
    course = simulate(sweep.graph, seconds, at_a_time)
    stages = [[stage.key for stage in job.plan.stages] for job in jobs]
    return Forecast(
        tuple(_runs(sweep, stages)),
        sum(map(len, stages)),
        len({key for keys in stages for key in keys}),
        tuple(_by_title(sweep, known)),
        at_a_time,
        course.seconds,
        course.rows,
        tuple(sorted({recorded[0] for recorded in known.values() if recorded})),
    )


def _runs(sweep: SweepGraph, stages: Sequence[Sequence[str]]) -> Iterator[ForecastRun]:
    for job, row, keys in zip(sweep.jobs, sweep.graph.rows, stages, strict=True):
        yield ForecastRun(f"{job.title} seed {job.plan.seed}", len(keys), len(row))


def _by_title(sweep: SweepGraph, known: Mapping[str, Recorded | None]) -> Iterable[ForecastStages]:
    titles: dict[str, list[Recorded | None]] = {}
    for key, recorded in known.items():
        titles.setdefault(sweep.stages[key].title, []).append(recorded)
    for title, found in titles.items():
        seconds = [recorded[1] for recorded in found if recorded]
        yield ForecastStages(title, len(found), sum(seconds), len(found) - len(seconds))
