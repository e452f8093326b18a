"""``reidbench data list``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from reidbench.cli import options

if TYPE_CHECKING:
    from reidbench.registry.registry import Registry


@click.command("list")
@options.as_json
def list_datasets(as_json: bool) -> None:
    """Show the datasets that can be read, with their terms of use.

    Nothing is downloaded: each but the synthetic one is read from your own copy. How many images
    a copy has is shown by 'reidbench data check NAME', what is published by 'data info NAME'.

    \b
    Example:
      reidbench data list
    """
    from reidbench.registry.loading import load_plugins

    rows = _datasets(load_plugins().registry)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    from reidbench.cli.tables import show_table

    headings = ("Dataset", "Summary", "Masks", "Terms of use")
    show_table("Datasets", headings, map(_cells, rows))
    click.echo("Layout, parameters and citation of each: reidbench data info NAME")


def _cells(row: dict[str, Any]) -> tuple[str, str, str, str]:
    masks = {True: "yes", False: "no", None: "if given"}[row.get("masks", False)]
    summary = row["summary"]
    if row.get("withdrawn") and "withdrawn" not in summary:
        summary += " (withdrawn)"
    return row["name"], summary, masks, row.get("error") or row["terms"]


def _datasets(registry: Registry) -> list[dict[str, Any]]:
    from reidbench.errors import ReidbenchError

    rows = []
    for entry in registry.entries("dataset"):
        fields = ("name", "plugin", "summary", "paper")
        row: dict[str, Any] = {field: getattr(entry, field) for field in fields}
        try:
            kind = entry.load()
            row |= {name: getattr(kind, name) for name in ("terms", "citation", "withdrawn")}
            row["masks"] = masks_of(kind)
        except ReidbenchError as error:
            row |= {"error": str(error)}
        rows.append(row)
    return rows


def masks_of(kind: type[Any]) -> bool | None:
    """Return whether a class of datasets has masks; None if each copy tells for itself."""
    from reidbench.data.dataset import Dataset

    if kind.has_masks is Dataset.has_masks:
        return False
    return kind.has_masks if isinstance(kind.has_masks, bool) else None
