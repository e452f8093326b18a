"""Results: one JSON file a run, which the leaderboard reads without torch and without plugins."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from reidbench import __version__
from reidbench.errors import ReidbenchError
from reidbench.results.columns import pack, unpack
from reidbench.results.measures import MEASURES, PLACES
from reidbench.results.notebook import Listing, Notebook
from reidbench.results.result_file import ResultFile
from reidbench.storage.files import write_bytes
from reidbench.storage.keys import JSON, digest
from reidbench.storage.schema import convert, read_json, reading

SCHEMA = 2
_PACKED_SINCE = 2  # the schema whose columns may be packed
WHAT = "a result of reidbench"

_FOREIGN_LETTERS = re.compile(r"[^a-z0-9._@+-]+")
_INNERMOST = re.compile(r"([\[{])\n +([^\[\]{}]*)\n +([\]}])")
_NAME_LENGTH = 120


@dataclass(frozen=True)
class Result(Notebook):
    """Scores of one run, and everything that decided them.

    Attributes:
        benchmark: name, version, digest, synthetic, source and target (name, fingerprint, ...),
            protocol (name, version, ...) and the seeds that a ranked method must have run.
        recipe: name, digest, its resolved parts, paper, provenance of initial weights, and the
            components behind it with version, distribution and a digest of their source (not in a
            result of an earlier version).
        modified: what was set by hand, by dotted name; empty for an untouched method.
        precision: of the forward passes, e.g. "float32".
        uses: whether target_images, target_cameras and target_labels were used in training.
        scores: what ``evaluation.Scores.to_dict`` gives: measures in [0, 1], what they count, and
            ``per_query`` columns for paired tests.
        translation: translation quality: how well persons are recognised in translated images, and
            how like the target these look; empty if nothing was translated, or in a result of an
            earlier version. On rendered domains ``truth`` in it tells how far the translations are
            from the true pictures.
        masks: where the person masks come from that the run read, and how well they fit the known
            ones; empty if it read none, or in a result of an earlier version.
        cost: networks, parameters and FLOPs; empty in a result of an earlier version.
        warnings: what makes the scores say less than they seem to, e.g. a learner at chance.
        training: how the translator was trained: each generator loss's gradient at the translated
            pixels, at a few steps; empty where nothing was translated, or the result is of an
            earlier version.
        execution: when and on what it ran; the only part in which two runs of a seed may differ.
        reidbench: version that made it.
    """

    benchmark: Mapping[str, JSON]
    recipe: Mapping[str, JSON]
    modified: Mapping[str, JSON]
    seed: int
    precision: str
    uses: Mapping[str, bool]
    scores: Mapping[str, JSON]
    translation: Mapping[str, JSON] = field(default_factory=dict)
    masks: Mapping[str, JSON] = field(default_factory=dict)
    cost: Mapping[str, JSON] = field(default_factory=dict)
    warnings: Sequence[str] = field(default_factory=list)
    training: Mapping[str, JSON] = field(default_factory=dict)
    execution: Mapping[str, JSON] = field(default_factory=dict)
    reidbench: str = __version__

    @classmethod
    def from_dict(cls, record: JSON) -> Result:
        """Return the result that ``to_dict`` wrote.

        Raises:
            ReidbenchError: if it is not one, or of a newer schema; says which field is wrong.
        """
        if not isinstance(record, dict) or type(record.get("schema")) is not int:
            raise ReidbenchError("not a result of reidbench: it has no schema number")
        if record["schema"] > SCHEMA:
            raise ReidbenchError(
                f"written by a newer reidbench: it has result schema {record['schema']}, this "
                f"version ({__version__}) reads up to {SCHEMA}; upgrade reidbench"
            )
        convert(record, ResultFile)
        if record["schema"] >= _PACKED_SINCE:
            record = {**record, "scores": unpack(record["scores"])}
        return cls(**{name: record[name] for name in cls.__dataclass_fields__ if name in record})

    def to_dict(self) -> dict[str, JSON]:
        """Return everything, ready for JSON, with the schema's number and no column packed.

        Without ``training`` and ``warnings`` where there are none.
        """
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        for name in ("training", "warnings"):
            if not values[name]:
                del values[name]
        return {"schema": SCHEMA, "reidbench": values.pop("reidbench"), **values}

    @cached_property
    def digest(self) -> str:
        """Digest of all that decides the scores but the seed; runs that differ in it never mix."""
        return digest(
            [
                dict(self.benchmark),
                self.recipe["digest"],
                self.recipe["provenance"],
                dict(self.modified),
                self.precision,
            ]
        )

    @property
    def file_name(self) -> Path:
        """Path below the folder of results; no name in it leads elsewhere."""
        name = f"{safe_letters(self.recipe['name'])}-{self.digest[:8]}-seed{self.seed}.json"
        return Path(safe_letters(self.benchmark["name"]), name)

    def measure(self, name: str) -> float:
        """Return one of ``measures.DRAWN``, in [0, 1].

        Raises:
            ReidbenchError: if the result does not tell it.
        """
        value = self.quantity(name)
        if value is None:
            raise ReidbenchError(
                f"'{self.recipe['name']}' (seed {self.seed}) has no {name}: it translated no "
                "training images, or its learner names nobody"
            )
        return value

    def quantity(self, name: str) -> float | None:
        """Return a measure of the ranking or one of ``measures.QUANTITIES``; None if not told."""
        if name in MEASURES:
            return float(self.scores[name])
        return self.quantities.get(name)

    @cached_property
    def quantities(self) -> Mapping[str, float]:
        """Those of ``measures.QUANTITIES`` that the result tells, by name."""
        return quantities_of({name: getattr(self, name) for name in PLACES})

    def save(self, root: Path) -> Path:
        """Write it below ``root`` and return its path; an earlier run of the same is replaced.

        Long columns of ``scores`` are packed, so that a repository can hold many results.

        Raises:
            ReidbenchError: if it cannot be written.
        """
        path = root / self.file_name
        record = {**self.to_dict(), "scores": pack(self.scores)}
        text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
        write_bytes(path, f"{_INNERMOST.sub(_on_one_line, text)}\n".encode())
        return path


def _on_one_line(spread: re.Match[str]) -> str:
    """Return a list or table that holds none; space before lines would be a seventh of a file."""
    opening, lines, closing = spread.groups()
    return opening + " ".join(line.strip(" ") for line in lines.split("\n")) + closing


@dataclass(frozen=True)
class Unreadable:
    """A file among the results that is not one.

    Attributes:
        reason: what is wrong with it, in one line.
    """

    path: Path
    reason: str


@dataclass(frozen=True)
class Found(Listing):
    """Content of a folder of results: a sequence of results, and the files that are none."""

    results: tuple[Result, ...]
    unreadable: tuple[Unreadable, ...]

    def to_dict(self) -> dict[str, JSON]:
        """Return everything, ready for JSON."""
        unreadable = [{"path": str(u.path), "reason": u.reason} for u in self.unreadable]
        return {"results": [r.to_dict() for r in self.results], "unreadable": unreadable}


def load(path: Path) -> Result:
    """Return the result in a file.

    Raises:
        ReidbenchError: naming the file, if it cannot be read or is not a result.
    """
    with reading(path, WHAT):
        return Result.from_dict(read_json(path))


def load_all(root: Path) -> Found:
    """Return every result below ``root``, by path, and the files that are none."""
    results, unreadable = [], []
    with uncollected():
        for path in sorted(root.glob("*/*.json")):
            try:
                results.append(load(path))
            except ReidbenchError as error:
                unreadable.append(Unreadable(path, reason(error, path)))
    return Found(tuple(results), tuple(unreadable))


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep what the body reads out of collections of garbage, which search all of it each time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():  # else what the program keeps frozen would thaw
                gc.freeze()  # thawed, it is old: the next collection searches the young alone
                gc.unfreeze()
            gc.enable()


def reason(error: ReidbenchError, path: Path) -> str:
    """Return what an error says of a file, without the file's name."""
    text = str(error)
    return text.removeprefix(f"{path}: ").removeprefix(f"{path} is ")


def quantities_of(tables: Mapping[str, JSON]) -> dict[str, float]:
    """Return those of ``measures.QUANTITIES`` that the tables of a result's file tell, by key."""
    told: dict[str, float] = {}
    _gather(PLACES, tables, told)
    return told


def _gather(places: Mapping[str, Any], table: Mapping[str, Any], told: dict[str, float]) -> None:
    for name, place in places.items():
        value = table.get(name)
        if value is not None:
            if type(place) is str:
                told[place] = float(value)
            elif isinstance(value, dict):
                _gather(place, value, told)


def safe_letters(name: str) -> str:
    """Return ``name`` in letters that are safe in a file name, and never a path."""
    return _FOREIGN_LETTERS.sub("-", name.lower()).strip(".-")[:_NAME_LENGTH] or "unnamed"
