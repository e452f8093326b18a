"""``reidbench reported``: what papers report over their own baselines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from reidbench.cli import options

if TYPE_CHECKING:
    from reidbench.results.reported_gains import ReportedGain

MEASURES = ("mAP", "rank1")
NOTE = (
    "In percent, as printed; gains are over the baseline of the same table, in points. Papers "
    "differ in learner, budget and loader: compare gains, not values. What they cite of others has "
    "none."
)


@click.command("reported")
@click.option(
    "--benchmark", metavar="NAME", help="The source and target of this benchmark; all if left out."
)
@options.as_json
def command(benchmark: str | None, as_json: bool) -> None:
    """Show what papers report over their own baselines, side by side.

    Each table of a paper that has a baseline is shown for the benchmark's source and target. The
    numbers were printed by the papers and never measured here; 'reidbench list --reported' shows
    every table whole.

    \b
    Examples:
      reidbench reported --benchmark dukemtmc-to-market1501
      reidbench reported --json
    """
    from reidbench.errors import ReidbenchError
    from reidbench.results.reported import load_reported
    from reidbench.results.reported_gains import gains_of

    source, target = _setting(benchmark) if benchmark else (None, None)
    found = gains_of(load_reported(), source, target)
    if not found:
        raise ReidbenchError(
            f"no paper reports a baseline on {source} -> {target}; 'reidbench list --reported' "
            "shows what is reported"
        )
    if as_json:
        click.echo(json.dumps([gain.to_dict() for gain in found], indent=2))
        return
    _show(found)


def _setting(benchmark: str) -> tuple[str, str]:
    from reidbench.config.benchmark import load_benchmark

    loaded = load_benchmark(benchmark)
    return loaded.source.name, loaded.target.name


def _show(found: Sequence[ReportedGain]) -> None:
    from reidbench.cli.tables import console, show_table
    from reidbench.results.measures import labels

    names = labels(*MEASURES).values()
    numbers = [heading for name in names for heading in (name, f"gain in {name}")]
    settings = dict.fromkeys((g.row.setting, g.row.protocol) for g in found)
    for setting, protocol in settings:
        own = [g for g in found if (g.row.setting, g.row.protocol) == (setting, protocol)]
        rows = [(g.row.table, g.row.label, *_cells(g), g.row.note) for g in own]
        headings = ("Table", "Row", *numbers, "Note")
        show_table(f"Reported: {setting}, {protocol}", headings, rows, numbers)
    console().print(f"\n{NOTE}", style="dim", markup=False)


def _cells(gain: ReportedGain) -> list[str]:
    cells = []
    for measure in MEASURES:
        value, gained = gain.row.measures.get(measure), gain.gains.get(measure)
        cells.append("" if value is None else f"{value:g}")
        cells.append(f"{gained:+.1f}" if gained is not None else _no_gain(gain))
    return cells


def _no_gain(gain: ReportedGain) -> str:
    if gain.row.cited:
        return "cited"
    return "baseline" if gain.baseline is gain.row else ""
