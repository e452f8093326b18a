"""Results as far as the leaderboard reads them: refused as whole ones are, decoded in part.

A result's file is long for its columns of queries, its curve and its stages, which no ranking
reads. These are skipped, packed columns unopened: one that is damaged is refused by who reads it.
Benchmarks and recipes, which many files share, are decoded once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

import msgspec
from msgspec import Raw, Struct, to_builtins

from reidbench.errors import ReidbenchError
from reidbench.results import result_file as form
from reidbench.results.measures import BY_KEY, QUANTITIES
from reidbench.results.result import (
    SCHEMA,
    Found,
    Result,
    Unreadable,
    load,
    reason,
    uncollected,
)
from reidbench.storage.keys import JSON
from reidbench.storage.schema import has_long_number, read_bytes

_quantities = attrgetter(*(BY_KEY[key].place for key in QUANTITIES))
_PARTS = msgspec.json.Decoder(dict[str, Raw])


class _Translation(form.Translation, frozen=True):
    classifier: JSON = ""
    guided: JSON = None


class _Brief(Struct, frozen=True, kw_only=True):
    """The keys of ``ResultFile``; ``Raw`` are tables that many files share."""

    schema: int
    reidbench: str
    benchmark: Raw
    recipe: Raw
    modified: dict[str, JSON]
    seed: int
    precision: str
    uses: Raw
    scores: form.Scores
    execution: form.Execution
    translation: _Translation = _Translation()
    masks: dict[str, JSON] = {}
    cost: form.Cost = form.Cost()
    warnings: list[str] = []
    training: form.Training = form.Training()


@dataclass(frozen=True)
class BriefResult(Result):
    """A result of which ``told`` holds the quantities, and no table those that tell them."""

    told: Mapping[str, float] = field(default_factory=dict)

    @property
    def quantities(self) -> Mapping[str, float]:
        """Those of ``measures.QUANTITIES`` that the result tells, by name."""
        return self.told


class _Shared:
    """Tables that many files share, and their parts, each checked and decoded once."""

    def __init__(self, checked: type[Struct]) -> None:
        self._check = msgspec.json.Decoder(checked).decode
        self._known: dict[bytes, Mapping[str, JSON]] = {}
        self._parts: dict[bytes, JSON] = {}

    def __call__(self, raw: Raw) -> Mapping[str, JSON]:
        """Return the table; raises ``msgspec.DecodeError`` if it is none."""
        content = bytes(raw)
        if content not in self._known:
            self._check(content)
            parts = _PARTS.decode(content)
            self._known[content] = {name: self._part(bytes(part)) for name, part in parts.items()}
        return self._known[content]

    def _part(self, content: bytes) -> JSON:
        if not content.startswith((b"{", b"[")):
            return msgspec.json.decode(content)
        if content not in self._parts:
            self._parts[content] = msgspec.json.decode(content)
        return self._parts[content]


class _Reader:
    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_Brief).decode
        self._benchmark = _Shared(form.Benchmark)
        self._recipe = _Shared(form.Recipe)
        self._uses = _Shared(form.Uses)

    def load(self, path: str) -> Result:
        """Return what ``result.load`` would, in brief, and raise what it would."""
        try:
            return self._of(read_bytes(path))
        except (OSError, ValueError, RecursionError, AttributeError):  # the last of a null table
            return load(Path(path))  # which says in words what is wrong, if anything is

    def _of(self, content: bytes) -> BriefResult:
        content.decode()  # what msgspec skips it does not check for being UTF-8
        if has_long_number(content):
            raise ValueError("msgspec would take any")
        found = self._decode(content)
        if found.schema > SCHEMA:
            raise ValueError("of a newer schema")
        kept, numbers = found.translation, zip(QUANTITIES, _quantities(found), strict=True)
        return BriefResult(
            self._benchmark(found.benchmark),
            self._recipe(found.recipe),
            found.modified,
            found.seed,
            found.precision,
            self._uses(found.uses),
            to_builtins(found.scores),
            {"classifier": kept.classifier, "guided": kept.guided},
            found.masks,
            warnings=found.warnings,
            reidbench=found.reidbench,
            told={key: number for key, number in numbers if number is not None},
        )


def load_all_in_brief(root: Path) -> Found:
    """Return what ``result.load_all`` would, each result without what only its own page shows.

    ``scores`` hold the measures alone; ``training``, ``cost``, ``execution`` and most of
    ``translation`` are left out, but for their quantities. What results share is one object.
    """
    results, unreadable = [], []
    reader = _Reader()
    with uncollected():
        for path in _files(root):
            try:
                results.append(reader.load(path))
            except ReidbenchError as error:
                unreadable.append(Unreadable(Path(path), reason(error, Path(path))))
    return Found(tuple(results), tuple(unreadable))


def _files(root: Path) -> list[str]:
    """Return the files ``*/*.json`` in the order of paths; pathlib takes ten times as long."""
    found: list[str] = []
    for folder in sorted(_names(root)):
        below = root / folder
        names = (name for name in _names(below) if name.endswith(".json"))
        found.extend(f"{below}{os.sep}{name}" for name in sorted(names))
    return found


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208
    except OSError:  # no folder, or none that may be read
        return []
