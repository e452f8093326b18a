"""Gains that papers report over their own baselines: each within one table of one paper."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reidbench.results.reported import Reported
from reidbench.storage.keys import JSON

_BASELINE = re.compile(r"(?:direct transfer|original)", re.IGNORECASE)


@dataclass(frozen=True)
class ReportedGain:
    """A row of a paper beside the baseline of its table.

    Attributes:
        row: as printed.
        baseline: what the same model scores without adaptation; None where the table has none, and
            for values of other papers.
        gains: of the measures that both have, in points.
    """

    row: Reported
    baseline: Reported | None
    gains: Mapping[str, float]

    def to_dict(self) -> dict[str, JSON]:
        """Return the row, its baseline's label and the gains, ready for JSON."""
        label = None if self.baseline is None else self.baseline.label
        return {**self.row.to_dict(), "baseline": label, "gains": dict(self.gains)}


def gains_of(
    rows: Sequence[Reported], source: str | None = None, target: str | None = None
) -> list[ReportedGain]:
    """Return the rows of a setting that are tested on the target, each with its table's baseline.

    A row's baseline is that of its table, protocol and learner, the words before "Direct Transfer".
    Tables without a baseline are left out, and so is what needs no source.

    Args:
        rows: everything that is reported.
        source: dataset with identities; None for all.
        target: dataset adapted to; None for all.
    """
    chosen = [
        row
        for row in rows
        if row.tested == "target"
        and row.source
        and row.target
        and (source is None or row.source == source)
        and (target is None or row.target == target)
    ]
    found = []
    for row in chosen:
        table = [other for other in chosen if _place(other) == _place(row)]
        baselines = [other for other in table if _is_baseline(other)]
        if baselines:
            found.append(_gain(row, _baseline_of(row, baselines)))
    return found


def _place(row: Reported) -> tuple[str, ...]:
    return row.table, row.source, row.target, row.protocol


def _is_baseline(row: Reported) -> bool:
    """Return whether a label ends in a baseline's name, but for the words on the queries."""
    return bool(_BASELINE.fullmatch(_name(row).removeprefix(_learner(row)).strip()))


def _name(row: Reported) -> str:
    return row.label.removesuffix(", multi-query")


def _learner(row: Reported) -> str:
    """Return the beginning of a baseline's label, which other rows of its learner share."""
    return _BASELINE.split(_name(row), maxsplit=1)[0]


def _baseline_of(row: Reported, baselines: Sequence[Reported]) -> Reported | None:
    if row.cited:
        return None
    same = [b for b in baselines if row.label.startswith(_learner(b))]
    return max(same, key=lambda b: len(_learner(b)), default=None)


def _gain(row: Reported, baseline: Reported | None) -> ReportedGain:
    if baseline is None or baseline is row:
        return ReportedGain(row, baseline, {})
    shared = [m for m in row.measures if m in baseline.measures]
    gains = {m: round(row.measures[m] - baseline.measures[m], 2) for m in shared}
    return ReportedGain(row, baseline, gains)
