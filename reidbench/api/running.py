"""Runs and sweeps as function calls: they do what ``reidbench run`` and ``reidbench sweep`` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from reidbench.api.options import (
    Names,
    RunOptions,
    names_of,
    options_of,
    reporter_of,
    request_of,
)
from reidbench.errors import UsageError
from reidbench.progress import Reporter
from reidbench.storage.keys import JSON

if TYPE_CHECKING:
    from reidbench.results.result import Result
    from reidbench.runs.options import EngineOptions, SweepOptions
    from reidbench.runs.sweeps import SweepResults


def run(
    *,
    method: str | None = None,
    translator: str | None = None,
    constraints: Names = (),
    learner: str | None = None,
    strategy: str | None = None,
    direction: str | None = None,
    masks: str | None = None,
    benchmark: str | Path = "synthetic",
    seed: int = 0,
    devices: int = 1,
    settings: Mapping[str, JSON] | None = None,
    progress: bool | Reporter = True,
    **options: Unpack[RunOptions],
) -> Result:
    """Run one method on one benchmark with one seed, and direct transfer beside it.

    Its file is ``Path(results, result.file_name)``; a picture of translated images, ending in
    ``.png``, lies beside it. What an earlier run computed is reused, also of an interrupted one.

    Args:
        method: named recipe, as a paper composes it; or name a translator.
        translator: what translates; "none" is direct transfer.
        constraints: what keeps persons recognisable.
        learner: what learns the features.
        strategy: what the learner is trained on, e.g. "translated" or "finetune".
        direction: "source-to-target" or "target-to-source".
        masks: what makes person masks, e.g. "unet"; "dataset" has its own.
        benchmark: name, or the path of a ``.toml`` file.
        seed: random seed.
        devices: number of devices that compute a training, or the embedding, together.
        settings: parameters set by hand, e.g. ``{"sianet.margin": 1}``; not ranked then.
        progress: True for bars, False for silence, or a reporter of your own.
        **options: see :class:`reidbench.api.options.RunOptions`: other datasets, protocol,
            data_root, device, precision, and the folders cache and results.

    Returns:
        The result, as it was written.

    Raises:
        UsageError: for unknown names and parameters, and parts that do not fit together.
        ReidbenchError: if data is missing or a stage fails.

    Example:
        >>> import reidbench
        >>> from pathlib import Path
        >>> from reidbench.testing.tiny import write_tiny_benchmark
        >>> tiny = write_tiny_benchmark("tiny.toml")
        >>> result = reidbench.run(
        ...     method="direct", benchmark=tiny, device="cpu", results="mine", progress=False
        ... )
        >>> result.recipe["name"], result.seed, Path("mine", result.file_name).is_file()
        ('direct', 0, True)
    """
    from reidbench.data.fingerprints import remembered_in
    from reidbench.registry.loading import load_plugins
    from reidbench.runs.launch import run_with_floor

    names = {"method": method, "translator": translator, "learner": learner}
    names |= {"strategy": strategy, "direction": direction, "masks": masks}
    request = request_of(constraints, **names)
    experiment, execution = options_of(benchmark, settings, options)
    chosen = experiment, replace(execution, devices=devices)
    with remembered_in(chosen[1].cache):
        runs = run_with_floor(request, seed, chosen, load_plugins(), reporter_of(progress))
    return runs[0].result


def sweep(
    *,
    methods: Names = (),
    translators: Names = (),
    constraints: Names = (),
    learners: Names = (),
    strategy: str | None = None,
    direction: str | None = None,
    masks: str | None = None,
    study: str | Path | None = None,
    seeds: Sequence[int] | None = None,
    benchmark: str | Path | Sequence[str | Path] | None = None,
    settings: Mapping[str, JSON] | None = None,
    grid: Mapping[str, Sequence[JSON]] | None = None,
    engine: str = "local",
    jobs: int = 1,
    devices: Names | int = (),
    address: str | None = None,
    store: Literal["shared", "sent"] = "shared",
    progress: bool | Reporter = True,
    raise_failures: bool = True,
    **options: Unpack[RunOptions],
) -> SweepResults:
    """Run methods x learners and translators x constraints x learners, or a study, with each seed.

    Stages are shared: two learners on one translator train it once. A run that fails stops no
    other; those that finish are written as :func:`reidbench.run` does.

    Args:
        methods: named recipes; "all" is every method that is installed.
        translators: what translates.
        constraints: those of one run joined by "+", e.g. ``["none", "sianet"]``.
        learners: what learns the features.
        strategy: what the learner is trained on, for all runs that translate.
        direction: of translation, for these too.
        masks: what makes person masks, for all runs.
        study: table or figure of a paper, in place of the names above; its index and figure are
            written too.
        seeds: of the runs; the benchmark's own if None.
        benchmark: name or path, or several; "synthetic", or the study's own, if None.
        settings: parameters set by hand; each goes to the runs that have its owner.
        grid: values of parameters, e.g. ``{"sianet.margin": [1, 2]}``; each combination is run.
        engine: "local" for processes of this machine, or "ray" for a cluster.
        jobs: stages that are computed at a time; with more than 1 a script must begin below
            ``if __name__ == "__main__":``, as all that start processes.
        devices: that the jobs share, e.g. ``["cuda:0", "cuda:1"]``; or a number of those that
            compute a training, or the embedding, together.
        address: of a Ray cluster that runs.
        store: "shared" where all nodes of the cluster see the cache, or "sent" where each has its
            own, and finished stages go through Ray.
        progress: True for bars, False for silence, or a reporter of your own.
        raise_failures: raise at the end if a run failed; else see ``failures`` of what returns.
        **options: see :class:`reidbench.api.options.RunOptions`.

    Returns:
        A sequence of the results, with ``paths`` of their files and ``failures``.

    Raises:
        UsageError: for unknown names, or a study together with names.
        SweepError: at the end, if runs failed; its ``sweep`` is what would have been returned.

    Example:
        >>> import reidbench
        >>> from reidbench.testing.tiny import write_tiny_benchmark
        >>> tiny = write_tiny_benchmark("tiny.toml")
        >>> swept = reidbench.sweep(
        ...     methods="direct", benchmark=tiny, device="cpu", results="mine", progress=False
        ... )
        >>> [(result.recipe["name"], result.seed) for result in swept]
        [('direct', 0), ('direct', 1)]
    """
    from reidbench.data.fingerprints import remembered_in
    from reidbench.registry.loading import load_plugins
    from reidbench.runs.options import EngineOptions
    from reidbench.runs.studies import run_study
    from reidbench.runs.sweeps import Combinations, run_sweep

    if study is not None and any(
        (methods, translators, constraints, learners, strategy, direction)
    ):
        raise UsageError("a study names its own runs; leave the other names out")
    parts = names_of(translators), names_of(constraints), names_of(learners)
    named = names_of(str(devices) if isinstance(devices, int) else devices)
    workers = EngineOptions(engine=engine, jobs=jobs, address=address, store=store)
    whose = benchmark or ("" if study else "synthetic")
    chosen = _sweep_options(whose, settings, grid or {}, options, seeds, workers, named)
    common = (chosen, load_plugins(), reporter_of(progress))
    done: SweepResults
    with remembered_in(chosen.execution.cache):
        if study is None:
            done = run_sweep(
                Combinations(names_of(methods), *parts, strategy, direction, masks), *common
            )
        else:
            done = run_study(str(study), *common, masks)
    if raise_failures:
        done.raise_failures()
    return done


def _sweep_options(
    benchmark: str | Path | Sequence[str | Path],
    settings: Mapping[str, JSON] | None,
    grid: Mapping[str, Sequence[JSON]],
    options: RunOptions,
    seeds: Sequence[int] | None,
    engine: EngineOptions,
    devices: Sequence[str],
) -> SweepOptions:
    from reidbench.runs.options import SweepOptions, grid_of, with_devices

    several = [benchmark] if isinstance(benchmark, str | Path) else benchmark
    benchmarks = [str(b) for b in several]
    experiment, execution = options_of(benchmarks[0], settings, options)
    execution, engine = with_devices(devices, execution, engine)
    experiments = grid_of(experiment, benchmarks, grid)
    return SweepOptions(experiments=experiments, execution=execution, seeds=seeds, engine=engine)
