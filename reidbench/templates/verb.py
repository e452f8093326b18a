"""The verb example."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("example")
@click.option("--results", default="results", show_default=True, help="Folder of results.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")
def command(results: str, as_json: bool) -> None:
    """Count the results of each benchmark."""
    folders = sorted(p for p in Path(results).glob("*") if p.is_dir())
    counts = {folder.name: len(list(folder.glob("*.json"))) for folder in folders}
    if as_json:
        click.echo(json.dumps(counts, indent=2))
        return
    for benchmark, count in counts.items():
        click.echo(f"{benchmark}: {count}")
