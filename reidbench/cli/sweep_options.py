"""Options of ``reidbench sweep``: what is combined, and the engine that computes it."""

from __future__ import annotations

from typing import Any

import click

from reidbench.cli import options
from reidbench.runs.options import STORES, EngineOptions, ExperimentOptions, grid_of


def _experiments(
    benchmarks: tuple[str, ...], settings: tuple[str, ...], **parts: Any
) -> tuple[ExperimentOptions, ...]:
    """Return the options of each benchmark with each combination of values of one parameter."""
    from reidbench.config.compose import parse_setting

    values: dict[str, list[Any]] = {}
    for name, value in map(parse_setting, settings):
        values.setdefault(name, []).append(value)
    return grid_of(ExperimentOptions(**parts), benchmarks, values)


def _engine(shared: str | None, **given: Any) -> EngineOptions:
    named = tuple(d.strip() for d in (shared or "").split(",") if d.strip())
    return EngineOptions(devices=named, **given)


experiments = options.bundled(
    "experiments",
    _experiments,
    options.all_of(
        click.option(
            "--benchmark",
            "benchmarks",
            multiple=True,
            default=["synthetic"],
            show_default=True,
            metavar="NAME",
            help="A benchmark by name, or the path of a .toml file; repeatable.",
        ),
        options.swapped,
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="NAME.PARAMETER=VALUE",
            help="Set a parameter, e.g. sianet.margin=1; repeatable: several values of one "
            "parameter are a run each. The results are then not ranked.",
        ),
        options.copies,
    ),
    ("source", "target", "protocol", "tested", "data_root", "skip_corrupt"),
)


engine = options.bundled(
    "engine",
    _engine,
    options.all_of(
        click.option(
            "--jobs",
            default=1,
            show_default=True,
            type=click.IntRange(1),
            metavar="N",
            help="Stages that are computed at a time, each by a process of its own. They share the "
            "threads out, and another number of threads rounds differently.",
        ),
        click.option(
            "--devices",
            "shared",
            metavar="LIST|N",
            help="GPUs that the jobs share, a job each if there is no --jobs, e.g. cuda:0,cuda:1. "
            "Or a number: so many compute a training, or the embedding, together.",
        ),
        click.option(
            "--engine",
            default="local",
            show_default=True,
            metavar="NAME",
            help="local, processes of this machine; or ray, a cluster.",
        ),
        click.option(
            "--address", metavar="ADDRESS", help="Of a Ray cluster that runs; 'auto' finds it."
        ),
        click.option(
            "--store",
            type=click.Choice(STORES),
            default="shared",
            show_default=True,
            help="shared, a cache that all nodes of the cluster see; or sent, each node has its "
            "own, and finished stages go through Ray.",
        ),
    ),
    ("engine", "jobs", "address", "store"),
)
