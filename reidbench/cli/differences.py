"""``reidbench list --diff``: what two methods or components differ in."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from reidbench.registry.registry import Registry


def show_differences(
    names: tuple[str, str], registry: Registry, benchmark: str | None, as_json: bool
) -> None:
    """Print what two names differ in; what is equal is left out."""
    from reidbench.cli.tables import show_table
    from reidbench.config.recipe_diff import differences

    found = differences(*names, registry, benchmark)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    where = f"on benchmark {benchmark}" if benchmark else "by the papers' own values"
    click.echo(f"{found.kind}s {found.first} and {found.second}, {where}")
    if not found.rows:
        click.echo("no parameter differs")
        return
    cells = [(row.name, _side(row.first), _side(row.second)) for row in found.rows]
    show_table("", ("Parameter", *names), cells)


def _side(value: tuple[Any, ...]) -> str:
    return json.dumps(value[0]) if value else "-"
