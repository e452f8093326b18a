"""``reidbench data``: the datasets that can be read, and whether a copy at hand is whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from reidbench.cli import options

if TYPE_CHECKING:
    from reidbench.data.catalog import OpenDataset
    from reidbench.registry import Registry


@click.group("data")
def command() -> None:
    """Show the datasets and check your copies of them."""


@command.command("list")
@options.as_json
def list_datasets(as_json: bool) -> None:
    """Show the datasets that can be read, with their terms of use.

    \b
    Example:
      reidbench data list
    """
    from reidbench.plugins import load_plugins

    rows = _datasets(load_plugins().registry)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    from reidbench.cli.tables import show_table

    headings = ("Dataset", "Summary", "Masks", "Terms of use")
    cells = [
        (r["name"], r["summary"], "yes" if r.get("masks") else "no", r.get("error") or r["terms"])
        for r in rows
    ]
    show_table("Datasets", headings, cells)


@command.command("check")
@click.argument("name")
@options.data_root
@options.set_values
@options.as_json
def check_dataset(
    name: str, data_root: str | None, settings: tuple[str, ...], as_json: bool
) -> None:
    """Count a copy's images, persons and cameras, decode every image, and say what is wrong.

    The exit code is 1 if anything is.

    \b
    Examples:
      reidbench data check market1501 --data-root ~/reid
      reidbench data check synthetic --set dataset.domain=b
    """
    from reidbench.benchmark import DatasetSpec
    from reidbench.data.catalog import open_dataset
    from reidbench.errors import ReidbenchError
    from reidbench.plugins import load_plugins

    spec = DatasetSpec(name, _parameters(settings))
    opened = open_dataset(spec, load_plugins().registry, data_root)
    problems = opened.dataset.check()
    counts = _counts(opened)
    if as_json:
        facts = {**opened.identity(), "splits": counts, "problems": problems}
        click.echo(json.dumps(facts, indent=2))
    else:
        _show(opened, counts, problems)
    if problems:
        number = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise ReidbenchError(f"this copy of '{name}' has {number}")


def _datasets(registry: Registry) -> list[dict[str, Any]]:
    from reidbench.errors import ReidbenchError

    rows = []
    for entry in registry.entries("dataset"):
        fields = ("name", "plugin", "summary", "paper")
        row: dict[str, Any] = {field: getattr(entry, field) for field in fields}
        try:
            kind = entry.load()
            row |= {"terms": kind.terms, "citation": kind.citation, "masks": kind.has_masks}
        except ReidbenchError as error:
            row |= {"error": str(error)}
        rows.append(row)
    return rows


def _parameters(settings: tuple[str, ...]) -> dict[str, Any]:
    """Return the dataset's parameters from the texts of ``--set``."""
    from reidbench.compose import parse_setting
    from reidbench.errors import UsageError

    values = dict(parse_setting(text) for text in settings)
    for name in values:
        if not name.startswith("dataset."):
            raise UsageError(f"--set {name}: only dataset.PARAMETER can be set here")
    return {name.removeprefix("dataset."): value for name, value in values.items()}


def _counts(opened: OpenDataset) -> dict[str, dict[str, int]]:
    """Return the numbers of images, persons, cameras, distractors and junk images of each split."""
    import numpy as np

    from reidbench.data.dataset import SPLITS

    counts: dict[str, dict[str, int]] = {}
    for split in SPLITS:
        samples = opened.dataset.samples(split)
        counts[split] = {
            "images": len(samples),
            "persons": len(np.unique(samples.pids[samples.pids > 0])),
            "cameras": len(np.unique(samples.cams)),
            "distractors": int((samples.pids == 0).sum()),
            "junk": int((samples.pids == -1).sum()),
        }
    return counts


def _show(opened: OpenDataset, counts: dict[str, dict[str, int]], problems: list[str]) -> None:
    from reidbench.cli.tables import show_table

    columns = list(counts["train"])
    cells = [(split, *(f"{n:,}" for n in row.values())) for split, row in counts.items()]
    headings = ("Split", *(c.capitalize() for c in columns))
    show_table(opened.title, headings, cells, right=headings[1:])
    click.echo(f"fingerprint: {opened.fingerprint}")
    for problem in problems:
        click.echo(f"problem: {problem}")
    if not problems:
        click.echo("nothing is wrong with this copy")
