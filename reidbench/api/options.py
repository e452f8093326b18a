"""Keyword arguments that the functions of the public API share."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from reidbench.errors import did_you_mean
from reidbench.progress import Reporter, Silent
from reidbench.runs.options import ExecutionOptions, ExperimentOptions
from reidbench.storage.keys import JSON

if TYPE_CHECKING:
    from reidbench.config.compose import Request

Names: TypeAlias = "str | Sequence[str]"
"""One name, or several."""

DATA_ROOT = "REIDBENCH_DATA_ROOT"
"""Environment variable that names the folder of datasets where no argument does."""


class RunOptions(TypedDict, total=False):
    """Further keyword arguments of ``reidbench.run`` and ``reidbench.sweep``.

    Attributes:
        source: dataset in place of the benchmark's source.
        target: dataset in place of the benchmark's target.
        protocol: evaluation protocol in place of the benchmark's.
        tested: "target", or "source" to score what adaptation cost there.
        data_root: folder of your datasets; ``$REIDBENCH_DATA_ROOT`` by default.
        skip_corrupt: leave out images that cannot be decoded; the result is then not ranked.
        device: "auto" (the default), "cpu", "cuda" or "cuda:N".
        precision: "float32" (the default), "tf32" (CUDA devices), or "bf16" (autocast).
        deterministic: use only operations that give the same bits again; results name the others.
        compile: trainings run compiled: "on", "off", or "auto" (the default) where it pays.
        cache: folder of stages; ``$REIDBENCH_CACHE`` or ``~/.cache/reidbench`` by default.
        results: folder of results; "results" by default.
        checkpoint_every: seconds of training that an interruption may cost; 60 by default.
        dev: compute again what the source of a component made before it changed.
        verify: files of finished stages that are compared with their checksums: "always" all,
            "changed" (the default) those written to since, "never" none.
        profile: folder that a trace of the first steps of each training goes to; none by default.
    """

    source: str | None
    target: str | None
    protocol: str | None
    tested: str | None
    data_root: str | Path | None
    skip_corrupt: bool
    device: str
    precision: str
    deterministic: bool
    compile: Literal["auto", "on", "off"]
    cache: str | Path | None
    results: str | Path
    checkpoint_every: float
    dev: bool
    verify: Literal["always", "changed", "never"]
    profile: str | Path | None


def options_of(
    benchmark: str | Path, settings: Mapping[str, JSON] | None, given: RunOptions
) -> tuple[ExperimentOptions, ExecutionOptions]:
    """Return the options of a run's benchmark, and of its execution.

    Raises:
        TypeError: for an argument that does not exist.
    """
    known = RunOptions.__annotations__
    for name in given:
        if name not in known:
            raise TypeError(f"no argument is named '{name}'{did_you_mean(name, known)}")
    values: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    if root := values.get("data_root") or os.environ.get(DATA_ROOT):
        values["data_root"] = str(Path(root).expanduser())
    folders = ("cache", "results", "profile")
    values |= {k: Path(values[k]).expanduser() for k in folders if k in values}
    experiment, execution = (
        {f.name: values[f.name] for f in fields(bundle) if f.name in values}
        for bundle in (ExperimentOptions, ExecutionOptions)
    )
    chosen = ExperimentOptions(
        benchmark=str(benchmark), settings=dict(settings or {}), **experiment
    )
    return chosen, ExecutionOptions(**execution)


def reporter_of(progress: bool | Reporter) -> Reporter:
    """Return the reporter that was given, bars for True, or one that shows nothing."""
    if not isinstance(progress, bool):
        return progress
    if not progress:
        return Silent()
    from reidbench.runs.bars import Bars  # rich, which silence goes without

    return Bars()


def request_of(constraints: Names, **names: str | None) -> Request:
    """Return the request of the names that a call has."""
    from reidbench.config.compose import Request

    return Request(constraints=names_of(constraints), **names)


def names_of(given: Names) -> tuple[str, ...]:
    """Return one name or several as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given)
