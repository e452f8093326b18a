"""``reidbench status``: runs that are under way, were interrupted, have failed or are done."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reidbench.cli import options

if TYPE_CHECKING:
    from reidbench.runs.status import RunState, Status

SHOWN = 10  # finished runs in the table, unless all are asked for


@click.command("status")
@options.cache
@options.results
@click.option("--all", "everything", is_flag=True, help="Show every finished run, not the last.")
@click.option(
    "--forget", "forgotten", is_flag=True, help="Forget the runs that failed or were interrupted."
)
@options.as_json
def command(cache: Path, results: Path, everything: bool, forgotten: bool, as_json: bool) -> None:
    """Show the runs that are under way, were interrupted, have failed or are done.

    All of it is read from the files of the cache and the results, so that it shows what any
    terminal and any machine is at that sees them. A run is stale if the source of one of its
    components has changed since at an equal version.

    \b
    Examples:
      reidbench status
      reidbench status --forget
    """
    from reidbench.registry.loading import load_plugins
    from reidbench.runs.sources import stale
    from reidbench.runs.status import forget, read_status
    from reidbench.storage.artifacts import Store

    store = Store(cache)
    if forgotten:
        for run in forget(store):
            click.echo(f"forgotten: {run}", err=True)
    reasons = {
        key: f"{entry.kind} '{entry.name}' has another source at the same version"
        for key, entry in stale(store, load_plugins().registry)
    }
    found = read_status(store, results, reasons)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _show(found, everything)


def _show(found: Status, everything: bool) -> None:
    from reidbench.cli.tables import show_table
    from reidbench.runs.status import STATES

    finished = sorted(found.of("finished"), key=lambda run: str(run.since))
    hidden = 0 if everything else max(0, len(finished) - SHOWN)
    left_out = {id(run) for run in finished[:hidden]}
    rows = [
        (r.state, r.run, r.benchmark, _where(r), _age(r.since), r.owner or r.reason)
        for r in found.runs
        if id(r) not in left_out
    ]
    if rows:
        show_table("", ("State", "Run", "Benchmark", "Stage", "Since", ""), rows)
    counts = [f"{len(found.of(state))} {state}" for state in STATES if found.of(state)]
    click.echo(", ".join(counts) or "no run is known here")
    if hidden:
        click.echo(f"{hidden} finished runs are left out; --all shows them")


def _where(run: RunState) -> str:
    from reidbench.runs.durations import duration

    if run.done is None:
        return run.stage
    so_far = f"{run.done}/{run.total}" if run.total else f"{run.done}"
    left = f", {duration(run.left)} left" if run.left is not None else ""
    kept = "checkpoint at " if run.state == "interrupted" else ""
    return f"{run.stage}, {kept}{so_far}{left}"


def _age(since: float | str | None) -> str:
    from reidbench.runs.durations import duration

    if since is None:
        return ""
    moment = datetime.fromisoformat(since).timestamp() if isinstance(since, str) else since
    return f"{duration(max(0.0, time.time() - moment))} ago"
