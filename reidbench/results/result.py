"""Results: one JSON file a run, which the leaderboard reads without torch and without plugins."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from reidbench import __version__
from reidbench.errors import ReidbenchError
from reidbench.storage.files import write_bytes
from reidbench.storage.keys import JSON, digest

SCHEMA = 1

MEASURES = ("mAP", "mAP_trapezoid", "mINP", "rank1", "rank5", "rank10", "rank20")
"""What every result tells of the ranking."""
ACCURACIES = ("real_accuracy", "translated_accuracy")
"""How often persons are recognised: what results tell of translated training images."""
DRAWN = (*MEASURES, *ACCURACIES)
"""What studies and figures can be of."""

# What every result must hold, by dotted name; sections may hold more.
_FIELDS: dict[str, type] = {
    "reidbench": str,
    "benchmark.name": str,
    "benchmark.version": int,
    "benchmark.digest": str,
    "benchmark.synthetic": bool,
    "benchmark.source.name": str,
    "benchmark.source.fingerprint": str,
    "benchmark.target.name": str,
    "benchmark.target.fingerprint": str,
    "benchmark.protocol.name": str,
    "benchmark.protocol.version": int,
    "benchmark.seeds": list,
    "recipe.name": str,
    "recipe.digest": str,
    "recipe.provenance": dict,
    "modified": dict,
    "seed": int,
    "precision": str,
    "uses.target_images": bool,
    "uses.target_cameras": bool,
    "uses.target_labels": bool,
    "scores": dict,
    "execution": dict,
}

# Sections that results of earlier versions lack.
_LATER = ("translation", "masks", "cost")

# What a result may tell besides, by dotted name: what translation kept, and what a run cost.
QUANTITIES = {
    "real_accuracy": "translation.accuracy.real",
    "translated_accuracy": "translation.accuracy.translated",
    "fid": "translation.fid",
    "kid": "translation.kid",
    "ssim": "translation.ssim",
    "person_error": "translation.truth.person.rmse",
    "background_error": "translation.truth.background.rmse",
    "colour_error": "translation.truth.colour",
    "identity_retained": "translation.truth.identity_retained.translated",
    "networks": "cost.translation.networks",
    "parameters": "cost.translation.parameters",
    "flops_step": "cost.translation.flops_a_step",
    "cost": "cost.training_flops",
    "embedder_parameters": "cost.embedding.parameters",
    "flops_image": "cost.embedding.flops_an_image",
    "seconds": "execution.training_seconds",
}

_FOREIGN_LETTERS = re.compile(r"[^a-z0-9._@+-]+")
_SPREAD_LIST = re.compile(r'\[\n\s+([^\[\]{}"]*)\n\s+\]')
_NAME_LENGTH = 120


@dataclass(frozen=True)
class Result:
    """What one run scored, and everything that decided it.

    Attributes:
        benchmark: name, version, digest, synthetic, source and target (name, fingerprint, ...),
            protocol (name, version, ...) and the seeds that a ranked method must have run.
        recipe: name, digest, its resolved parts, paper and provenance of initial weights.
        modified: what was set by hand, by dotted name; empty for an untouched method.
        precision: of the forward passes, e.g. "float32".
        uses: whether target_images, target_cameras and target_labels were used in training.
        scores: what ``evaluation.Scores.to_dict`` gives: measures in [0, 1], what they count, and
            ``per_query`` columns for paired tests.
        translation: what translation kept of the persons, and how like the target it looks; empty
            if nothing was translated, or in a result of an earlier version. On rendered domains
            ``truth`` in it tells how far the translations are from the true pictures.
        masks: where the person masks come from that the run read, and how well they fit the known
            ones; empty if it read none, or in a result of an earlier version.
        cost: networks, parameters and FLOPs; empty in a result of an earlier version.
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
        _check(record)
        given = {**{section: {} for section in _LATER}, **record}
        return cls(**{name: given[name] for name in cls.__dataclass_fields__})

    def to_dict(self) -> dict[str, JSON]:
        """Return everything, ready for JSON, with the schema's number."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
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
        """Where it lies below the folder of results, whatever its names hold."""
        name = f"{safe_letters(self.recipe['name'])}-{self.digest[:8]}-seed{self.seed}.json"
        return Path(safe_letters(self.benchmark["name"]), name)

    def measure(self, name: str) -> float:
        """Return one of ``DRAWN``, in [0, 1].

        Raises:
            ReidbenchError: if the result does not tell it.
        """
        value = self.quantity(name) if name in ACCURACIES else float(self.scores[name])
        if value is None:
            raise ReidbenchError(
                f"'{self.recipe['name']}' (seed {self.seed}) has no {name}: it translated no "
                "training images, or its learner names nobody"
            )
        return value

    def quantity(self, name: str) -> float | None:
        """Return one of ``QUANTITIES``; None where the result does not tell it."""
        return _number(self.to_dict(), QUANTITIES[name])

    def save(self, root: Path) -> Path:
        """Write it below ``root`` and return its path; an earlier run of the same is replaced.

        Raises:
            ReidbenchError: if it cannot be written.
        """
        path = root / self.file_name
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        # A column of per-query values is one line, so that a person can read the rest.
        text = _SPREAD_LIST.sub(lambda found: f"[{' '.join(found[1].split())}]", text)
        write_bytes(path, f"{text}\n".encode())
        return path


@dataclass(frozen=True)
class Unreadable:
    """A file among the results that is not one.

    Attributes:
        reason: what is wrong with it, in one line.
    """

    path: Path
    reason: str


@dataclass(frozen=True)
class Found:
    """What lies in a folder of results."""

    results: tuple[Result, ...]
    unreadable: tuple[Unreadable, ...]


def load(path: Path) -> Result:
    """Return the result in a file.

    Raises:
        ReidbenchError: naming the file, if it cannot be read or is not a result.
    """
    try:
        return Result.from_dict(json.loads(path.read_bytes(), parse_constant=_refuse_constant))
    except OSError as error:
        raise ReidbenchError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ReidbenchError(f"{path}: not a result of reidbench: {error}") from error
    except ReidbenchError as error:
        raise ReidbenchError(f"{path}: {error}") from error


def load_all(root: Path) -> Found:
    """Return every result below ``root``, by path, and the files that are none."""
    results, unreadable = [], []
    for path in sorted(root.glob("*/*.json")):
        try:
            results.append(load(path))
        except ReidbenchError as error:
            unreadable.append(Unreadable(path, str(error).removeprefix(f"{path}: ")))
    return Found(tuple(results), tuple(unreadable))


def _check(record: Mapping[str, JSON]) -> None:
    for name, wanted in _FIELDS.items():
        value = _at(record, name)
        if type(value) is not wanted:
            raise ReidbenchError(f"'{name}' must be of type {wanted.__name__}, not {value!r}")
    seeds = record["benchmark"]["seeds"]
    if not seeds or any(type(seed) is not int for seed in seeds):
        raise ReidbenchError(f"'benchmark.seeds' must be whole numbers, at least one, not {seeds}")
    for section in _LATER:
        if not isinstance(record.get(section, {}), dict):
            raise ReidbenchError(f"'{section}' must be of type dict, not {record[section]!r}")
    for name in QUANTITIES.values():
        _number(record, name)
    for name in MEASURES:
        value = _at(record, f"scores.{name}")
        if type(value) not in (int, float) or not (math.isfinite(value) and 0 <= value <= 1):
            raise ReidbenchError(f"'scores.{name}' must be a fraction in [0, 1], not {value!r}")


def _at(record: Any, name: str) -> JSON:
    for part in name.split("."):
        if not isinstance(record, dict) or part not in record:
            raise ReidbenchError(f"'{name}' is missing")
        record = record[part]
    return record


def _number(record: Mapping[str, JSON], name: str) -> float | None:
    """Return the number of a dotted name; None if it, or what should hold it, is missing or null.

    Raises:
        ReidbenchError: if something else stands there.
    """
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        return None
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ReidbenchError(f"'{name}' must be a number, not {value!r}")
    return float(value)


def safe_letters(name: str) -> str:
    """Return ``name`` in letters that are safe in a file name, and never a path."""
    return _FOREIGN_LETTERS.sub("-", name.lower()).strip(".-")[:_NAME_LENGTH] or "unnamed"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
