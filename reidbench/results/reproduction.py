"""Results that were made again, held against those they should be equal to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reidbench.results.notebook import Notebook
from reidbench.results.result import Result
from reidbench.storage.keys import JSON

COMPARED = ("uses", "scores", "translation", "masks", "cost", "training", "warnings")
"""Parts of a result that a seed decides; ``execution`` tells of the machine."""


@dataclass(frozen=True)
class Deviation:
    """A result that did not come out as before.

    Attributes:
        file: below the folder of results.
        fields: that differ, by dotted name.
        largest: greatest difference of a measure of the ranking, as a fraction; NaN where a
            measure is missing.
        made: what each was made with, where that differs: ``(name, before, again)``.
    """

    file: Path
    fields: tuple[str, ...]
    largest: float
    made: tuple[tuple[str, str, str], ...]

    def to_dict(self) -> dict[str, JSON]:
        """Return everything, ready for JSON."""
        made = {name: {"before": before, "again": again} for name, before, again in self.made}
        largest = None if math.isnan(self.largest) else self.largest
        fields = list(self.fields)
        return {"file": str(self.file), "fields": fields, "largest": largest, "made": made}


@dataclass(frozen=True)
class Reproduction(Notebook):
    """Results that were made again, beside the ones before.

    Attributes:
        same: files whose results are equal in all that a seed decides.
        deviations: of the others.
        not_again: files of benchmarks that were made again, which were not.
        only_again: files that there was nothing to hold against.
    """

    same: tuple[Path, ...]
    deviations: tuple[Deviation, ...]
    not_again: tuple[Path, ...]
    only_again: tuple[Path, ...]

    @property
    def holds(self) -> bool:
        """Tell whether something was compared, and all of it is equal."""
        return bool(self.same) and not self.deviations

    @property
    def verdict(self) -> str:
        """The finding, in a sentence."""
        compared = len(self.same) + len(self.deviations)
        if not compared:
            return "nothing was compared: no result was made both times"
        if self.deviations:
            return f"{len(self.deviations)} of {compared} results differ"
        return f"all {compared} results are equal"

    def to_dict(self) -> dict[str, JSON]:
        """Return everything, ready for JSON."""
        return {
            "holds": self.holds,
            "same": [str(path) for path in self.same],
            "deviations": [deviation.to_dict() for deviation in self.deviations],
            "not_again": [str(path) for path in self.not_again],
            "only_again": [str(path) for path in self.only_again],
        }


def hold_against(again: Iterable[Result], before: Iterable[Result]) -> Reproduction:
    """Hold results against those of the same benchmark, recipe and seed.

    What the cache no longer told when a result was made is left out of it. Such a part is not
    compared; scores always are.
    """
    made = {result.file_name: result for result in again}
    known = {result.file_name: result for result in before}
    folders = {path.parent for path in made}
    found = {path: _differing(known[path], made[path]) for path in sorted(made.keys() & known)}
    return Reproduction(
        same=tuple(path for path, fields in found.items() if not fields),
        deviations=tuple(
            Deviation(
                path, fields, _largest(known[path], made[path]), _made(known[path], made[path])
            )
            for path, fields in found.items()
            if fields
        ),
        not_again=tuple(sorted(p for p in known.keys() - made if p.parent in folders)),
        only_again=tuple(sorted(made.keys() - known)),
    )


def _differing(before: Result, again: Result) -> tuple[str, ...]:
    pairs = ((name, getattr(before, name), getattr(again, name)) for name in COMPARED)
    return tuple(field for pair in pairs for field in _unequal(*pair))


def _unequal(name: str, before: Any, again: Any) -> Iterator[str]:
    """Yield the dotted names of what two values of a result differ in."""
    if _untold(before) or _untold(again):
        if name in ("scores", "uses") or name.startswith("scores."):
            yield from () if before == again else (name,)
    elif isinstance(before, Mapping) and isinstance(again, Mapping):
        for key in dict.fromkeys((*before, *again)):
            yield from _unequal(f"{name}.{key}", before.get(key), again.get(key))
    elif before != again:
        yield name


def _untold(value: Any) -> bool:
    return value is None or value == {} or value == []


def _largest(before: Result, again: Result) -> float:
    measures = [k for k, v in before.scores.items() if isinstance(v, float)]
    told = [(before.scores[k], again.scores.get(k)) for k in measures]
    gaps = [abs(a - b) if isinstance(b, float) else math.nan for a, b in told]
    return math.nan if any(map(math.isnan, gaps)) else max(gaps, default=0.0)


def _made(before: Result, again: Result) -> tuple[tuple[str, str, str], ...]:
    """Return what may explain a difference: versions, devices and threads."""
    told = [_machine(result) for result in (before, again)]
    return tuple(
        (name, old, told[1][name]) for name, old in told[0].items() if old != told[1][name]
    )


def _machine(result: Result) -> dict[str, str]:
    stages = result.execution.get("stages")
    named: Sequence[Any] = stages if isinstance(stages, list) else []
    devices = {str(stage.get("device")) for stage in named if isinstance(stage, dict)}
    return {
        "reidbench": result.reidbench,
        "python": str(result.execution.get("python", "unknown")),
        "torch": str(result.execution.get("torch", "unknown")),
        "device": "; ".join(sorted(devices)) or "unknown",
    }
