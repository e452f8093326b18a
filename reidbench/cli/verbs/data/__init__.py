"""``reidbench data``: the datasets that can be read, and the copies at hand."""

from __future__ import annotations

import click

from reidbench.cli.verbs.data.check import check_dataset
from reidbench.cli.verbs.data.info import describe_dataset
from reidbench.cli.verbs.data.listing import list_datasets
from reidbench.cli.verbs.data.preview import preview_dataset


@click.group("data")
def command() -> None:
    """Show the datasets and check your copies of them."""


for verb in (list_datasets, describe_dataset, check_dataset, preview_dataset):
    command.add_command(verb)
