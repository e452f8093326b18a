"""The table of ``reidbench sweep --study``."""

from __future__ import annotations

import click

from reidbench.cli.reported import show_reported
from reidbench.cli.tables import console, show_table
from reidbench.results.measures import labels
from reidbench.results.numbers import percent
from reidbench.runs.studies import StudyResults


def show_study(done: StudyResults) -> None:
    """Print what was measured, beside it what the paper reports, and where the files are."""
    if not done.measured:
        return
    study = done.study
    benchmark = done.measured[0].results[0].benchmark
    kind = " (synthetic images)" if benchmark["synthetic"] else ""
    title = f"Measured on {benchmark['name']} v{benchmark['version']}{kind}: {study.title}"
    console().print(title, style="bold", markup=False)
    headings = (*labels(*done.measures).values(), "Seeds")
    rows = [
        (m.run.title, *(percent(m.spread(name)) for name in done.measures), str(len(m.results)))
        for m in done.measured
    ]
    show_table("", ("Run", *headings), rows, headings)
    console().print("in percent: mean ± standard deviation over the seeds", style="dim")
    if study.note:
        console().print(study.note, style="dim", markup=False)
    if done.reported:
        click.echo()
        show_reported(done.reported)
    click.echo(f"\nindex   {done.index}\nfigure  {done.figure}")
