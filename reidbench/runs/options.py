"""Options of an experiment and of its execution: the same for the library and the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from reidbench.storage.keys import JSON
from reidbench.storage.root import default_root

if TYPE_CHECKING:
    from reidbench.engine.hardware import Hardware

Place = Literal["shared", "sent"]
STORES: tuple[Place, ...] = get_args(Place)
"""Places of a Ray cluster's stages: a cache that all nodes see, or one of each node's own."""


@dataclass(frozen=True, kw_only=True)
class ExperimentOptions:
    """A benchmark, and the changes that the user makes to it.

    Attributes:
        benchmark: name, or the path of a ``.toml`` file; empty for a study's own.
        source: dataset that takes the place of the benchmark's source.
        target: dataset that takes the place of the benchmark's target.
        protocol: evaluation protocol that takes the place of the benchmark's.
        tested: "source" scores the model on the source's query and gallery.
        settings: parameters set by hand, by dotted name, e.g. ``{"sianet.margin": 1}``.
        data_root: folder of the user's datasets.
        skip_corrupt: whether images that cannot be decoded are left out.
    """

    benchmark: str = "synthetic"
    source: str | None = None
    target: str | None = None
    protocol: str | None = None
    tested: str | None = None
    settings: Mapping[str, JSON] = field(default_factory=dict)
    data_root: str | None = None
    skip_corrupt: bool = False


@dataclass(frozen=True, kw_only=True)
class ExecutionOptions:
    """Device, precision and folders of runs.

    Attributes:
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision: "float32", "tf32" or "bf16".
        deterministic: only operations that give the same bits again, where there are such.
        compile: trainings run compiled: "on", "off", or "auto" where it pays.
        cache: folder of finished and interrupted stages.
        results: folder of results.
        checkpoint_every: seconds of training that an interruption may cost.
        dev: compute again what another source of a component made.
        verify: files of finished stages that are compared with their checksums before they are
            used: "always" all, "changed" those written to since, "never" none.
        profile: folder that a profile of the first steps of each training goes to; None for none.
        weights_root: folder in whose ``weights`` workers look for files of weights.
        devices: number of devices that compute a stage together, where it can be shared.
    """

    device: str = "auto"
    precision: str = "float32"
    deterministic: bool = False
    compile: str = "auto"
    cache: Path = field(default_factory=default_root)
    results: Path = Path("results")
    checkpoint_every: float = 60.0
    dev: bool = False
    verify: Literal["always", "changed", "never"] = "changed"
    profile: Path | None = None
    weights_root: str | None = None
    devices: int = 1


def hardware_of(options: ExecutionOptions) -> Hardware:
    """Return the device of an execution, and how it computes.

    Raises:
        UsageError: if this machine does not have it, or options exclude each other.
    """
    from reidbench.engine.hardware import choose  # torch, which --help goes without

    return choose(
        options.device,
        options.precision,
        deterministic=options.deterministic,
        compile=options.compile,
    )


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Engine that computes the stages of a sweep.

    Attributes:
        engine: "local" for processes of this machine, or "ray" for a cluster.
        jobs: stages that are computed at a time; 1 on "local" computes in the calling process.
        devices: shared out over the jobs in turn, e.g. ``("cuda:0", "cuda:1")``; none for the
            device that all use.
        address: of a Ray cluster that runs already; None starts one on this machine.
        store: "shared" where all nodes see the cache, or "sent" where each computes into its own,
            and finished stages go through Ray's object store.
    """

    engine: str = "local"
    jobs: int = 1
    devices: tuple[str, ...] = ()
    address: str | None = None
    store: Place = "shared"


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """Options of a sweep: its benchmarks, its folders, and the engine that computes it.

    Attributes:
        experiments: each benchmark with each combination of values set by hand.
        execution: device, precision and folders.
        seeds: of the runs; None or none for each benchmark's own.
        engine: who computes the stages.
    """

    experiments: tuple[ExperimentOptions, ...]
    execution: ExecutionOptions
    seeds: Sequence[int] | None = None
    engine: EngineOptions = field(default_factory=EngineOptions)


def with_devices(
    devices: Sequence[str], execution: ExecutionOptions, engine: EngineOptions
) -> tuple[ExecutionOptions, EngineOptions]:
    """Return the options of a sweep with its devices.

    Args:
        devices: names, which the jobs share; or a number, of those that compute a stage together.
        execution: the options without.
        engine: the options without.
    """
    if len(devices) == 1 and devices[0].isdigit():
        return replace(execution, devices=int(devices[0])), engine
    return execution, replace(engine, devices=tuple(devices))


def grid_of(
    options: ExperimentOptions, benchmarks: Sequence[str], values: Mapping[str, Sequence[JSON]]
) -> tuple[ExperimentOptions, ...]:
    """Return the options of each benchmark with each combination of values of the settings."""
    combined = (dict(zip(values, each, strict=True)) for each in product(*values.values()))
    return tuple(
        replace(options, benchmark=benchmark, settings={**options.settings, **settings})
        for benchmark, settings in product(benchmarks, combined)
    )
