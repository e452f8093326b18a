"""Texts that ``run`` and ``sweep`` print: the plan before, the tables after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from reidbench.evaluation import spread
from reidbench.results.measures import TRANSLATION_DISTANCES, labels
from reidbench.results.numbers import percent, rounded
from reidbench.results.result import Result
from reidbench.runs.plan import Plan
from reidbench.runs.runner import Finished, Session, needed
from reidbench.storage.keys import JSON
from reidbench.terminal import Console

MEASURES = labels("mAP", "mAP_trapezoid", "rank1", "rank5", "rank10", "mINP")
MEANS = ("mAP", "mAP_trapezoid", "rank1")  # each with its spread, still within 80 columns


def plans(planned: Sequence[Plan], session: Session) -> None:
    """Say on standard error what will be done, and what is there already."""
    console = Console(stderr=True, highlight=False)
    settings: dict[str, list[Plan]] = {}
    for plan in planned:
        settings.setdefault(_titled(plan), []).append(plan)
    for title, those in settings.items():
        console.print(f"[bold]{escape(title)}[/bold]")
        for plan in those:
            changed = {**plan.setting.modified, **plan.recipe.modified}
            note = "".join(f", {k}={v}" for k, v in changed.items())
            console.print(escape(f"  {plan.recipe.name}, seed {plan.seed}{note}"))
    console.print(escape(f"  on {session.hardware.description}, {planned[0].precision}"))
    stages = {s.key: s for plan in planned for s in plan.stages}
    missing = {s.key: s for plan in planned for s in needed(plan, session.store)}
    ahead = f"{len(missing)} to compute:" if missing else "all of them at hand"
    console.print(f"  {len(stages)} stages, {ahead}")
    for stage_title, count in Counter(s.title for s in missing.values()).items():
        console.print(escape(f"    {stage_title}" + (f" ({count} times)" if count > 1 else "")))


def _titled(plan: Plan) -> str:
    """Return the benchmark of a run in a line."""
    setting = plan.setting
    title = f"{setting.benchmark.name} v{setting.benchmark.version}: "
    title += f"{setting.source.title} -> {setting.target.title}, {setting.protocol.name} protocol"
    return title + (f", {len(setting.targets)} splits" if len(setting.targets) > 1 else "")


def measured(results: Sequence[Result]) -> None:
    """Print runs of one seed beside each other; the last is the one that was asked for."""
    benchmark = results[-1].benchmark
    title = f"{benchmark['name']} v{benchmark['version']}, seed {results[-1].seed}"
    table = _table(title, benchmark, tuple(MEASURES))
    for result in results:
        values = [f"{100 * result.measure(m):.1f}" for m in MEASURES]
        table.add_row(escape(result.recipe["name"]), *values)
    if len(results) > 1:
        floor, top = results[0], results[-1]
        gains = [f"{100 * (top.measure(m) - floor.measure(m)):+.1f}" for m in MEASURES]
        table.add_row("difference", *gains, style="dim")
    Console().print(table)
    _caption(results)
    for line in map(_translation_quality, results):
        if line:
            Console(highlight=False).print(escape(line))
    for line in map(_true, results):
        if line:
            Console(highlight=False).print(escape(line))
    for result in results:
        for warning in result.warnings:
            line = f"warning: {result.recipe['name']}: {warning}"
            Console(highlight=False).print(escape(line), style="yellow")
    for line in map(_cost, results):
        Console(highlight=False).print(escape(line), style="dim")


def means(results: Sequence[Result]) -> None:
    """Print mean and standard deviation over the seeds of each recipe, in the order of mAP.

    Each benchmark has a table of its own.
    """
    benchmarks: dict[str, list[Result]] = {}
    for result in results:
        benchmark = result.benchmark
        title = f"{benchmark['name']} v{benchmark['version']}, mean and standard deviation"
        benchmarks.setdefault(title, []).append(result)
    for title, those in benchmarks.items():
        _means(title, those)


def _means(title: str, results: Sequence[Result]) -> None:
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.digest, []).append(result)
    table = _table(title, results[0].benchmark, MEANS)
    table.add_column("seeds", justify="right")
    names = Counter(group[0].recipe["name"] for group in groups.values())
    for group in sorted(groups.values(), key=_mean_ap, reverse=True):
        values = [percent(spread([r.measure(m) for r in group])) for m in MEANS]
        name = group[0].recipe["name"]
        if names[name] > 1:  # what tells them apart
            name = " ".join((name, *(f"{k}={v}" for k, v in group[0].modified.items())))
        table.add_row(escape(name), *values, str(len(group)))
    Console().print(table)
    _caption(results)


def times(finished: Sequence[Finished]) -> None:
    """Print the seconds of every stage; those of one title, such as a split's, are added up."""
    table = Table("stage", "seconds", "", title="time", title_justify="left", box=None)
    table.columns[1].justify = "right"
    alike: dict[tuple[str, bool], list[float]] = {}
    for item in finished:
        manifest = item.artifact.manifest
        alike.setdefault((manifest["title"], item.reused), []).append(manifest["seconds"])
    for (title, reused), seconds in alike.items():
        notes = ["reused"] if reused else []
        notes += [f"{len(seconds)} times"] if len(seconds) > 1 else []
        table.add_row(escape(title), f"{sum(seconds):.1f}", ", ".join(notes))
    Console().print(table)


def paths(result: Path, picture: Path | None) -> None:
    """Print where the result and the picture are."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(escape(f"result   {result}"))
    if picture:
        console.print(escape(f"picture  {picture}"))


def failure(message: str) -> None:
    """Say on standard error that a run failed while others go on."""
    Console(stderr=True, highlight=False).print(f"[red]failed[/red] {escape(message)}")


def _table(title: str, benchmark: object, measures: Sequence[str]) -> Table:
    synthetic = isinstance(benchmark, dict) and benchmark.get("synthetic")
    table = Table(title=title + (" (synthetic)" if synthetic else ""), title_justify="left")
    table.add_column("recipe", overflow="fold")
    for measure in measures:
        table.add_column(MEASURES[measure], justify="right", no_wrap=True)
    return table


def _caption(results: Sequence[Result]) -> None:
    scores = results[-1].scores
    splits = scores.get("splits", ())
    lines = [
        f"in percent over {scores['valid_queries']} queries with a match (of {scores['queries']}), "
        f"gallery of {scores['gallery']}" + (f", mean of {len(splits)} splits" if splits else ""),
        *sorted({_initial_weights(r.recipe["provenance"]) for r in results}),
    ]
    Console(highlight=False).print(escape("\n".join(lines)), style="dim")


def _initial_weights(provenance: Mapping[str, JSON]) -> str:
    told = f"initial weights: {provenance['weights']}"
    return f"{told} ({provenance['mapping']})" if "mapping" in provenance else told


def _translation_quality(result: Result) -> str:
    """Return the quality of a run's translation, in a line; empty if nothing was translated."""
    quality = result.translation
    if not quality:
        return ""
    accuracy = quality.get("accuracy_missing")
    if quality["accuracy"]:
        real, translated = (f"{100 * quality['accuracy'][n]:.1f}" for n in ("real", "translated"))
        guided = " (which guided the translator)" if quality["guided"] else ""
        accuracy = f"identity accuracy {real} -> {translated}{guided}"
    distances = (f"{name.upper()} {rounded(quality[name])}" for name in TRANSLATION_DISTANCES)
    measures = ", ".join((str(accuracy), *distances, f"by {quality['classifier']}"))
    return "; ".join((f"{result.recipe['name']}: {measures}", *quality["warnings"]))


def _true(result: Result) -> str:
    """Return how far translations are from the truth, in a line; empty where it is not known."""
    truth = result.translation.get("truth")
    if not truth:
        return ""
    retained, still = truth["identity_retained"], truth["untranslated"]
    parts = [
        f"{where} {_decibels(truth[where])} (untranslated {_decibels(still[where])})"
        for where in ("person", "background")
    ]
    colours = f"colours {truth['colour']:.1f} (untranslated {still['colour']:.1f})"
    known = truth.get("identity_missing")
    if retained:
        rates = (f"{100 * retained[name]:.1f}" for name in ("translated", "untranslated"))
        known = "identity retained {} (untranslated {})".format(*rates)
    moved = truth.get("transforms")
    grids = f", grid error {moved['grid_error']:.3f}" if moved else ""
    return (
        f"{result.recipe['name']} against the truth: {', '.join((*parts, colours, known))}{grids}"
    )


def _decibels(region: Mapping[str, JSON]) -> str:
    exact = region["psnr"] is None
    return "exact" if exact else f"{region['psnr']:.1f} dB, SSIM {region['ssim']:.2f}"


def _cost(result: Result) -> str:
    """Return what a run took to train and takes to use, in a line."""

    def shown(name: str) -> str:
        value = result.quantity(name)
        return "unknown" if value is None else rounded(value)

    networks = f"{shown('networks')} networks of {shown('parameters')} parameters to translate"
    parts = (
        *([] if result.quantity("networks") == 0 else [networks]),
        f"{shown('cost')} FLOPs to train",
        f"{shown('embedder_parameters')} parameters and {shown('flops_image')} FLOPs to embed",
    )
    return f"{result.recipe['name']}: {', '.join(parts)}"


def _mean_ap(group: Sequence[Result]) -> float:
    return sum(r.measure("mAP") for r in group) / len(group)
