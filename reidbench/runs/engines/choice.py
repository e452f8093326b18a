"""A sweep's runs, carried out by the engine that the options name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reidbench.errors import UsageError
from reidbench.nn.weights import data_root_of_weights
from reidbench.runs.engines import cluster
from reidbench.runs.engines.local import LocalWorkers
from reidbench.runs.engines.workers import Workers
from reidbench.runs.launch import RecordedRun
from reidbench.runs.options import STORES, EngineOptions, ExecutionOptions, hardware_of
from reidbench.runs.parallel import run_parallel
from reidbench.runs.runner import Session
from reidbench.runs.scheduler import FailedRun, Job, OnFailure, run_all

ENGINES = ("local", "ray")


def check_engine(options: EngineOptions, execution: ExecutionOptions) -> None:
    """Refuse an engine or a device that there is not, before anything is computed.

    Raises:
        UsageError: naming it, and what there is.
    """
    if options.engine not in ENGINES:
        raise UsageError(f"--engine takes {' or '.join(ENGINES)}, not '{options.engine}'")
    if options.jobs < 1:
        raise UsageError(f"--jobs must be 1 at least, not {options.jobs}")
    if options.address is not None and options.engine != "ray":
        raise UsageError("--address is a Ray cluster's; it goes with --engine ray")
    if options.store not in STORES:
        raise UsageError(f"--store takes {' or '.join(STORES)}, not '{options.store}'")
    if options.store == "sent" and options.engine != "ray":
        raise UsageError("--store sent is a Ray cluster's; it goes with --engine ray")
    if options.devices and options.engine == "ray":
        raise UsageError("--devices goes with --engine local; Ray shares its devices out itself")
    if execution.devices > 1 and (options.jobs > 1 or options.devices or options.engine == "ray"):
        raise UsageError(
            f"--devices {execution.devices} computes one stage at a time on all of them; leave "
            "--jobs and --engine out, or name a device for each job, e.g. --devices cuda:0,cuda:1"
        )
    if options.engine == "ray":
        cluster.check_installed()
    for device in options.devices:
        hardware_of(replace(execution, device=device))


def at_a_time(options: EngineOptions) -> int:
    """Return how many stages are computed at a time."""
    return max(options.jobs, len(options.devices))


def run_jobs(
    jobs: Sequence[Job],
    session: Session,
    execution: ExecutionOptions,
    options: EngineOptions,
    on_failure: OnFailure | None = None,
) -> list[RecordedRun | FailedRun]:
    """Carry out runs, and return the outcome of each in their order.

    Raises:
        UsageError: if the engine is not installed.
    """
    execution = replace(execution, weights_root=data_root_of_weights())
    workers = _workers(session, execution, options)
    if workers is None:
        return run_all(jobs, session, execution.results, on_failure)
    return run_parallel(jobs, session, execution.results, workers, on_failure)


def _workers(
    session: Session, execution: ExecutionOptions, options: EngineOptions
) -> Workers | None:
    """Return the workers; None where this process does it all."""
    if options.engine == "ray":
        on_ray = cluster.RayWorkers(
            execution, options.jobs, options.address, sent=options.store == "sent"
        )
        session.reporter.say(f"on Ray, a stage with {on_ray.threads} threads")
        return on_ray
    jobs = at_a_time(options)
    if jobs == 1 and not options.devices:
        return None
    workers = LocalWorkers(execution, jobs, options.devices)
    session.reporter.say(f"{jobs} processes of {workers.threads} threads")
    return workers
