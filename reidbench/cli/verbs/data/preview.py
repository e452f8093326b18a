"""``reidbench data preview``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from reidbench.cli import options
from reidbench.cli.verbs.data import named

SPLITS = ("train", "query", "gallery", "multi_query")


class Size(click.ParamType[tuple[int, int]]):
    """Height and width as ``128x64``, 8 to 1024 pixels each."""

    name = "size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return height and width."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", value)
        size = (int(match[1]), int(match[2])) if match else (0, 0)
        if not all(8 <= side <= 1024 for side in size):
            self.fail(f"'{value}' is not HEIGHTxWIDTH in 8 to 1024 pixels, e.g. 128x64", param, ctx)
        return size


class SplitName(click.Choice[str]):
    """The name of a split, or the one that an earlier version gave it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name it has today."""
        from reidbench.data.dataset import OLD_NAMES

        return super().convert(OLD_NAMES.get(value, value), param, ctx)


@click.command("preview")
@click.argument("name")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=options.FILE,
    help="The .png file to write; one that is there is replaced.",
)
@click.option("--split", type=SplitName(SPLITS), default="train", show_default=True)
@click.option(
    "--persons",
    type=click.IntRange(1, 200),
    default=8,
    show_default=True,
    help="Rows of the sheet.",
)
@click.option(
    "--images",
    type=click.IntRange(1, 50),
    default=8,
    show_default=True,
    help="Images of a person at most, of as many cameras as possible.",
)
@click.option(
    "--size",
    type=Size(),
    default="128x64",
    show_default=True,
    metavar="HEIGHTxWIDTH",
    help="Pixels of each image on the sheet.",
)
@click.option("--masks", is_flag=True, help="Show the person masks below the images.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Which persons and images are chosen.",
)
@named.data_root
@named.set_values
def preview_dataset(
    name: str,
    output: Path,
    split: Any,
    persons: int,
    images: int,
    size: tuple[int, int],
    masks: bool,
    seed: int,
    data_root: str | None,
    settings: tuple[str, ...],
) -> None:
    """Write a contact sheet of a dataset: a row a person, labelled with person and camera.

    A gallery's distractors and junk have a row each, the last ones. The same command writes the
    same sheet.

    \b
    Examples:
      reidbench data preview synthetic -o sheet.png --set dataset.domain=b --masks
      reidbench data preview market1501 -o gallery.png --split gallery --data-root ~/reid
    """
    from reidbench.data.contact_sheet import choose, write_sheet
    from reidbench.errors import UsageError

    if output.suffix.lower() != ".png":
        raise UsageError(f"the sheet is a .png file, not '{output.name}'")
    dataset, _ = named.construct_named(name, data_root, settings)
    if split == "multi_query" and not dataset.has_multi_query:
        raise UsageError(f"this copy of '{name}' has no images for multi-query")
    if masks and not dataset.has_masks:
        raise UsageError(f"'{name}' has no person masks; leave out --masks")
    strips = choose(dataset.samples(split), persons, images, seed)
    write_sheet(output, dataset, split, strips, size, masks=masks)
    shown = sum(len(strip.rows) for strip in strips)
    click.echo(f"{output}: {shown} of {len(dataset.samples(split)):,} {split} images")
