"""``reidbench data info``."""

from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING, Any

import click

from reidbench.cli import options
from reidbench.cli.verbs.data import named
from reidbench.cli.verbs.data.listing import masks_of

if TYPE_CHECKING:
    from reidbench.data.dataset import Dataset
    from reidbench.registry.registry import Entry

SOURCES = "Nothing is downloaded: get a copy from its authors, and name its folder by --data-root."
WITHDRAWN = "Its authors have withdrawn it; reidbench reads a copy that you have, and fetches none."

# "name: what it is", and lines further in that go on with it
_ARGUMENT = re.compile(r"^    (\w+): (.*(?:\n {5,}.*)*)", re.MULTILINE)


@click.command("info")
@click.argument("name")
@named.set_values
@options.as_json
def describe_dataset(name: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Tell of a dataset: terms of use, citation, published counts, expected layout, parameters.

    No copy is needed. The counts are those of the parameters that are set.

    \b
    Examples:
      reidbench data info market1501
      reidbench data info manifest
    """
    from reidbench.registry.loading import load_plugins

    entry = load_plugins().registry.entry("dataset", name)
    # A folder is named so that there is one; none of its files is read.
    dataset, _ = named.construct_named(name, ".", settings)
    facts = _facts(entry, dataset)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        _show(facts)


def _facts(entry: Entry, dataset: Dataset) -> dict[str, Any]:
    kind = type(dataset)
    told = ("terms", "citation", "homepage", "withdrawn", "protocol", "synthetic")
    return {
        **{field: getattr(entry, field) for field in ("name", "summary", "plugin", "paper")},
        "about": _about(kind),
        **{field: getattr(dataset, field) for field in told},
        "masks": masks_of(kind),
        "published": _published(dataset),
        "expected": getattr(kind, "expected", ""),
        "example": getattr(kind, "example", ""),
        "parameters": _parameters(kind),
    }


def _about(kind: type[Any]) -> str:
    """Return what the class says of itself, without its sections for programmers."""
    text = (inspect.getdoc(kind) or "").replace("``", "")
    return re.split(r"\n\n(?:Args|Attributes|Raises):\n", text)[0]


def _published(dataset: Dataset) -> dict[str, dict[str, int]]:
    from reidbench.errors import ReidbenchError

    try:
        return {split: dict(vars(counts)) for split, counts in dataset.published().items()}
    except ReidbenchError:  # they depend on the copy
        return {}


def _parameters(kind: type[Any]) -> list[dict[str, Any]]:
    from reidbench.registry.parameters import parameters_of

    texts = (inspect.getdoc(kind) or "", inspect.getdoc(kind.__init__) or "")
    told = {"root": "the folder of your copy, or one that holds it."}
    for text in texts:
        told |= {m[1]: " ".join(m[2].split()) for m in _ARGUMENT.finditer(text)}
    return [
        {
            "name": p.name,
            "type": p.type_name,
            "default": p.default,
            "required": p.required,
            "meaning": told.get(p.name, ""),
        }
        for p in parameters_of(kind).values()
    ]


def _show(facts: dict[str, Any]) -> None:
    from reidbench.cli.tables import show_pairs, show_table

    click.echo(f"dataset {facts['name']}: {facts['summary']}\n\n{facts['about']}\n")
    if facts["withdrawn"]:
        click.echo(f"WITHDRAWN: {facts['withdrawn']}\n{WITHDRAWN}\n")
    fields = ("terms", "citation", "homepage", "plugin", "protocol", "expected", "example")
    titles = {"terms": "terms of use", "example": "named like"}
    show_pairs((titles.get(field, field), str(facts[field])) for field in fields)
    if facts["published"]:
        columns = list(next(iter(facts["published"].values())))
        headings = ("Split", *(column.capitalize() for column in columns))
        rows = [(split, *map(number, c.values())) for split, c in facts["published"].items()]
        click.echo()
        show_table("Published", headings, rows, right=headings[1:])
    click.echo()
    cells = [(p["name"], p["type"], _default(p), p["meaning"]) for p in facts["parameters"]]
    show_table("Parameters", ("Parameter", "Type", "Default", "Meaning"), cells)
    click.echo(f"\n{'It is rendered; no copy is needed.' if facts['synthetic'] else SOURCES}")


def _default(parameter: dict[str, Any]) -> str:
    if parameter["name"] == "root":
        return "--data-root"
    return "required" if parameter["required"] else json.dumps(parameter["default"])


def number(count: int | None) -> str:
    """Return a count as a person reads it; "-" if it is not known."""
    return "-" if count is None else f"{count:,}"
