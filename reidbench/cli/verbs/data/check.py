"""``reidbench data check``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from reidbench.cli import options
from reidbench.cli.verbs.data import named
from reidbench.cli.verbs.data.info import number

if TYPE_CHECKING:
    from reidbench.data.dataset import Dataset, Split

Counted = dict[str, Any]

EXAMPLES = 3
"""Problems of one kind that are shown."""
MOST_CAMERAS = 20
_NAMES = re.compile(r"\S*[/.0-9]\S*( \S*[/.0-9]\S*)*")


@click.command("check")
@click.argument("name")
@named.data_root
@named.set_values
@options.as_json
def check_dataset(
    name: str, data_root: str | None, settings: tuple[str, ...], as_json: bool
) -> None:
    """Count a copy's images, persons and cameras, decode every image, and say what is wrong.

    The counts stand beside the published ones, and below what was understood of each camera, with
    an example. The exit code is 1 if anything is wrong. Remarks are no faults: they tell what is
    odd in the published dataset, too.

    \b
    Examples:
      reidbench data check market1501 --data-root ~/reid
      reidbench data check prid2011 --data-root ~/reid --set dataset.split=3
      reidbench data check manifest --set dataset.root=~/our-cameras
    """
    from reidbench.errors import ReidbenchError

    dataset, parameters = named.construct_named(name, data_root, settings)
    facts = {"name": name, "parameters": parameters, **_facts(dataset)}
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        _show(facts)
    if problems := facts["problems"]:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise ReidbenchError(f"this copy of '{name}' has {count}")


def _facts(dataset: Dataset) -> dict[str, Any]:
    from reidbench.data.dataset import SPLITS
    from reidbench.errors import ReidbenchError

    problems = dataset.check()
    facts: dict[str, Any] = {
        "version": dataset.version,
        "fingerprint": None,
        "splits": {split: _found(dataset, split) for split in SPLITS},
        "cameras": _cameras(dataset),
        "published": {split: dict(vars(c)) for split, c in dataset.published().items()},
        "problems": problems,
        "remarks": [*dataset.remarks(), *_unscorable(dataset)],
    }
    try:
        facts |= {"division": dataset.division, "fingerprint": dataset.fingerprint()}
        if dataset.has_multi_query:
            facts["splits"]["multi_query"] = _found(dataset, "multi_query")
    except ReidbenchError as error:  # a copy that cannot be opened has none
        if not problems:
            problems.append(str(error))
    return facts


def _found(dataset: Dataset, split: Split) -> Counted | None:
    """Return the counts of a split; None if it cannot be listed."""
    from reidbench.data.dataset import Counts
    from reidbench.errors import ReidbenchError

    try:
        return dict(vars(Counts.of(dataset.samples(split))))
    except ReidbenchError:
        return None


def _cameras(dataset: Dataset) -> list[dict[str, Any]]:
    """Return of each camera the images, the persons and the name of an image."""
    import numpy as np

    from reidbench.data.dataset import SPLITS
    from reidbench.errors import ReidbenchError

    try:
        splits = [dataset.samples(split) for split in SPLITS]
    except ReidbenchError:
        return []
    pids, cams = (np.concatenate([getattr(s, f) for s in splits]) for f in ("pids", "cams"))
    names = [name for s in splits for name in s.names]
    return [
        {
            "camera": int(cam),
            "images": len(images := np.flatnonzero(cams == cam)),
            "persons": len(np.unique(pids[images][pids[images] > 0])),
            "example": names[images[0]],
        }
        for cam in np.unique(cams)
    ]


def _unscorable(dataset: Dataset) -> Iterator[str]:
    """Yield why the labels of a dataset that can be listed leave nothing to score, if they do."""
    from reidbench.errors import ReidbenchError
    from reidbench.evaluation.features import Labels
    from reidbench.registry.loading import load_plugins

    try:
        query, gallery = (dataset.samples(split) for split in ("query", "gallery"))
    except ReidbenchError:
        return
    protocol = load_plugins().registry.entry("protocol", dataset.protocol).load()()
    try:
        protocol.refuse_labels(*(Labels(s.pids, s.cams) for s in (query, gallery)))
    except ReidbenchError as error:
        yield f"nothing can be scored by {dataset.protocol}, as a source need not be: {error}"


def _summary(texts: list[str]) -> Iterator[str]:
    """Yield the first of the texts that differ in names and numbers only, and count the others."""
    kinds: dict[str, list[str]] = {}
    for text in texts:
        kinds.setdefault(_NAMES.sub("*", text), []).append(text)
    for alike in kinds.values():
        yield from alike[:EXAMPLES]
        if more := len(alike) - EXAMPLES:
            yield from [f"{more:,} more like these (--json has all)"] if more > 0 else []


def _show(facts: dict[str, Any]) -> None:
    from reidbench.cli.tables import show_table
    from reidbench.errors import shown

    columns = ("images", "persons", "cameras", "distractors", "junk")
    headings = ("Split", "", *(c.capitalize() for c in columns))
    rows = [
        cells
        for split, found in facts["splits"].items()
        for cells in _rows(split, found, facts["published"].get(split, {}), columns)
    ]
    show_table(facts["name"], headings, rows, right=headings[2:])
    if any("*" in cell for row in rows for cell in row):
        click.echo("* not as published")
    if cameras := facts["cameras"]:
        cells = [[str(v) for v in c.values()] for c in cameras[:MOST_CAMERAS]]
        named = [[*numbers, shown(name)] for *numbers, name in cells]
        show_table("", [c.capitalize() for c in cameras[0]], named, right=["Images", "Persons"])
        if more := cameras[MOST_CAMERAS:]:
            click.echo(f"and {len(more):,} more cameras")
    if facts["fingerprint"]:
        click.echo(f"division: {facts['division']}\nfingerprint: {facts['fingerprint']}")
    for what in ("remark", "problem"):
        for text in _summary(facts[f"{what}s"]):
            click.echo(f"{what}: {shown(text)}")
    if not facts["problems"]:
        click.echo("nothing is wrong with this copy")


def _rows(
    split: str, found: Counted | None, published: Counted, columns: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    """Yield what was found in a split and, below, what is published of it."""
    if found is None:
        yield split, "cannot be listed", *("" for _ in columns)
    else:
        yield split, "found", *(_marked(found[c], published.get(c)) for c in columns)
    if published:
        yield "", "published", *(number(published[c]) for c in columns)


def _marked(found: int, published: int | None) -> str:
    differs = published is not None and found != published
    return f"{'* ' if differs else ''}{number(found)}"
