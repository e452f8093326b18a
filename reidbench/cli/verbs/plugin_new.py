"""``reidbench plugin new``: the first draft of a plugin."""

from __future__ import annotations

from pathlib import Path

import click

from reidbench.cli import options

KINDS = ("translator", "constraint", "learner", "dataset", "protocol", "segmenter", "verb")


@click.command("new")
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@click.argument("name")
@click.option(
    "--into",
    type=options.FOLDER,
    default=".",
    show_default=True,
    help="Folder in which the plugin's folder is made.",
)
def new_plugin(kind: str, name: str, into: Path) -> None:
    """Write a plugin that works: code, tests and README, to be replaced by your own part by part.

    KIND is translator, constraint, learner, dataset, protocol, segmenter or verb. NAME is that of
    the new part: lower-case letters, digits and hyphens.

    \b
    Examples:
      reidbench plugin new constraint mine
      reidbench plugin new translator mine --into ~/plugins
    """
    from reidbench.cli.drafts import run_of, write_plugin
    from reidbench.registry.loading import load_plugins

    folder = write_plugin(kind, name, into, load_plugins().registry)
    click.echo(f"written to {folder}; next:")
    for step in (
        f"pip install -e {folder}",
        f"reidbench plugin check {name}",
        f"pytest {folder}",
        run_of(kind, name),
    ):
        click.echo(f"  {step}")
