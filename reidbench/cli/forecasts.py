"""Output of ``reidbench sweep --dry-run``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from reidbench.runs.forecast import Forecast, ForecastStages
    from reidbench.runs.options import SweepOptions
    from reidbench.runs.scheduler import Job


def show(jobs: Sequence[Job], options: SweepOptions, as_json: bool) -> None:
    """Print what runs would cost; nothing is written and nothing computed."""
    from reidbench.runs.engines.choice import at_a_time, check_engine
    from reidbench.runs.forecast import forecast
    from reidbench.runs.options import hardware_of
    from reidbench.storage.artifacts import Store

    execution = options.execution
    check_engine(options.engine, execution)
    device = hardware_of(execution).description
    many = at_a_time(options.engine)
    found = forecast(jobs, Store(execution.cache), execution.results, many, device)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _print(found)


def _print(found: Forecast) -> None:
    from reidbench.cli.tables import show_table

    rows = [
        (run.title, f"{run.stages - run.missing} of {run.stages}", _when(found, number))
        for number, run in enumerate(found.runs)
    ]
    show_table("", ("Run", "At hand", "Whole after"), rows, ("At hand", "Whole after"))
    stages = [(s.title, str(s.count), _seconds(s)) for s in found.stages]
    if stages:
        click.echo()
        show_table("", ("To compute", "Times", "Time"), stages, ("Times", "Time"))
    click.echo(_summary(found))


def _summary(found: Forecast) -> str:
    from reidbench.runs.durations import duration

    counts = (
        f"{len(found.runs)} runs want {found.wanted} stages, {found.distinct} of them distinct: "
        f"{found.distinct - found.missing} at hand or not needed, {found.missing} to compute"
    )
    if not found.missing:
        return counts
    if found.unknown == found.missing:
        return f"{counts}\ntime: unknown; no stage of the like was recorded"
    least = f", without {found.unknown} stages of unknown time" if found.unknown else ""
    on = "; ".join(found.devices)
    each = f"{found.jobs} at a time" if found.jobs > 1 else "one after another"
    return f"{counts}\ntime: {duration(found.seconds)}, {each}{least}; recorded on {on}"


def _when(found: Forecast, number: int) -> str:
    from reidbench.runs.durations import duration

    if not found.runs[number].missing:
        return "at hand"
    return "unknown" if found.unknown else duration(found.whole[number])


def _seconds(stages: ForecastStages) -> str:
    from reidbench.runs.durations import duration

    if stages.unknown == stages.count:
        return "unknown"
    known = duration(stages.seconds)
    return f"{known} and {stages.unknown} unknown" if stages.unknown else known
