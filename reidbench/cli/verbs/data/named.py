"""A dataset as the arguments of a verb name it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reidbench.cli import options

if TYPE_CHECKING:
    from reidbench.config.benchmark import DatasetSpec
    from reidbench.data.dataset import Dataset

set_values = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="dataset.PARAMETER=VALUE",
    help="Set a parameter of the dataset, e.g. dataset.split=3; repeatable.",
)

data_root = options.data_root


def construct_named(
    name: str, data_root: str | None, settings: tuple[str, ...]
) -> tuple[Dataset, dict[str, Any]]:
    """Return the dataset and its parameters without ``root``; none of its files is read."""
    from reidbench.data.catalog import construct
    from reidbench.registry.loading import load_plugins

    return construct(spec_of(name, settings), load_plugins().registry, data_root)


def spec_of(name: str, settings: tuple[str, ...]) -> DatasetSpec:
    """Return the name with the parameters that ``--set`` gives it."""
    from reidbench.config.benchmark import DatasetSpec
    from reidbench.config.compose import parse_setting
    from reidbench.errors import UsageError

    values = dict(parse_setting(text) for text in settings)
    for key in values:
        if not key.startswith("dataset."):
            raise UsageError(f"--set {key}: only dataset.PARAMETER can be set here")
    return DatasetSpec(name, {k.removeprefix("dataset."): v for k, v in values.items()})
