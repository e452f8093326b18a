"""Pages of methods: what they are made of, what their paper reports, and what departs from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from reidbench.errors import ReidbenchError
from reidbench.report.folder import page_id
from reidbench.report.runs import Run
from reidbench.results.reported import Reported
from reidbench.studies.index import FOLDER, load_index

PREFIX = "reidbench-"
"""Beginning of the names of distributions whose page tells what departs from a paper."""


@dataclass(frozen=True)
class Method:
    """A recipe's name with all its runs.

    Attributes:
        id: name of its page, without folder and ending.
        paper: it was published in; empty if none is told.
        words: what it is made of.
        runs: of it, in every setting.
        reported: numbers that papers report of it.
        notes: name and text of the pages of the distributions that its parts are named after.
    """

    id: str
    name: str
    paper: str
    words: str
    runs: tuple[Run, ...]
    reported: tuple[Reported, ...]
    notes: tuple[tuple[str, str], ...]


def methods_of(
    runs: Sequence[Run], results: Iterable[Path], reported: Sequence[Reported]
) -> dict[str, Method]:
    """Return the methods of some runs, by name."""
    by_name: dict[str, list[Run]] = {}
    for run in runs:
        by_name.setdefault(str(run.result.recipe["name"]), []).append(run)
    cited = _cited(results, runs)
    methods: dict[str, Method] = {}
    taken: set[str] = set()
    for name, own in by_name.items():
        page = _unique(page_id(name), taken)
        papers = dict.fromkeys(str(r.result.recipe.get("paper", "")) for r in own)
        named = [row for row in reported if row.label.casefold() == name.casefold()]
        rows = tuple(dict.fromkeys(map(_hashable, [*cited.get(name, []), *named])))
        first = own[0]
        told = tuple(row.value for row in rows)
        paper = "; ".join(filter(None, papers))
        methods[name] = Method(page, name, paper, first.words, tuple(own), told, _notes(first))
    return methods


@dataclass(frozen=True)
class _Hashed:
    """A reported row that a set can hold: its measures are a dictionary."""

    key: str
    value: Reported

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and self.key == other.key


def _hashable(row: Reported) -> _Hashed:
    return _Hashed(repr(row), row)


def _cited(results: Iterable[Path], runs: Sequence[Run]) -> dict[str, list[Reported]]:
    """Return what the indexes of studies cite beside the runs of each recipe."""
    by_file = {run.file.resolve(): str(run.result.recipe["name"]) for run in runs}
    found: dict[str, list[Reported]] = {}
    for path in (p for root in results for p in sorted(root.glob(f"*/{FOLDER}/*.json"))):
        try:
            index = load_index(path)
        except ReidbenchError:
            continue
        for run in index.runs:
            rows = [row for row in index.reported if row.label == run.reported]
            for file in run.results:
                name = by_file.get((path.parents[1] / file).resolve())
                if name is not None:
                    found.setdefault(name, []).extend(rows)
    return found


def _notes(run: Run) -> tuple[tuple[str, str], ...]:
    """Return the pages of the installed distributions that a recipe's parts are named after."""
    recipe = run.result.recipe
    parts = [recipe.get("translator"), recipe.get("learner")]
    names = [str(recipe["name"]).partition("+")[0].partition("@")[0].partition("-")[0]]
    names += [str(part.get("name")) for part in parts if isinstance(part, dict)]
    told = ((name, _page(name)) for name in dict.fromkeys(names))
    return tuple((f"{PREFIX}{name}", text) for name, text in told if text)


@cache
def _page(name: str) -> str:
    if not name.isidentifier():
        return ""
    try:
        message = metadata.metadata(PREFIX + name)
    except metadata.PackageNotFoundError:
        return ""
    return str(message.get("Description") or message.get_payload() or "").strip()  # type: ignore[attr-defined]


def _unique(name: str, taken: set[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    taken.add(found)
    return found
