"""Verification: do two images show one person, by a threshold on their distance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.evaluation.evaluate import Compared
from reidbench.evaluation.features import Floats
from reidbench.evaluation.protocols import Protocol
from reidbench.evaluation.ranked import MARKS, across_cameras, marked
from reidbench.evaluation.scores import Doubles
from reidbench.storage.keys import JSON

FALSE_MATCHES = (1e-3, 1e-2, 1e-1)
"""False match rates at which the true match rate is told."""
POINTS = 200
"""Points of the curve that :meth:`Verification.to_dict` tells, ends included."""


@dataclass(frozen=True, eq=False)
class Verification:
    """Rates at which distances tell pairs of one person from pairs of two, over queries x gallery.

    Attributes:
        same: number of pairs of one person.
        different: number of pairs of two persons.
        false_match: ``[P]`` corners of the ROC curve, ascending: share of different pairs that a
            threshold takes for one person.
        true_match: ``[P]`` share of pairs of one person that it finds.
        area: under the curve; equal distances count half.
        equal_error: rate at which as many pairs of one person are missed as different ones are
            taken for one.
        threshold: distance up to which two images are of one person at that rate.
    """

    same: int
    different: int
    false_match: Doubles
    true_match: Doubles
    area: float
    equal_error: float
    threshold: float

    def at(self, false_match: float) -> float:
        """Return the share of pairs of one person found with no more false matches than that."""
        return float(self.true_match[self.false_match <= false_match].max(initial=0))

    def to_dict(self) -> dict[str, JSON]:
        """Return everything, ready for JSON; of the curve ``POINTS`` at most, evenly spread."""
        few = np.unique(np.linspace(0, len(self.true_match) - 1, POINTS).astype(np.int64))
        return {
            "same": self.same,
            "different": self.different,
            "area_under_roc": self.area,
            "equal_error_rate": self.equal_error,
            "threshold": self.threshold,
            "true_match_at": {f"{rate:g}": self.at(rate) for rate in FALSE_MATCHES},
            "roc": {
                "false_match": self.false_match[few].tolist(),
                "true_match": self.true_match[few].tolist(),
            },
        }


def verify(ready: Compared, protocol: Protocol) -> Verification:
    """Return how well the distances verify persons; the protocol's junk counts as no pair.

    The distances are read three times, a chunk at a time, so that they are never held.

    Raises:
        ReidbenchError: if all pairs are of one person, or none is.
        UsageError: if the protocol has no one ranking of the gallery.
    """
    across = across_cameras(protocol)
    same = np.sort(np.concatenate([own for own, _ in _pairs(ready, across)]))
    values, counts = np.unique(same, return_counts=True)
    below, reached = np.zeros((2, len(values) + 1), np.int64)
    for _, other in _pairs(ready, across):
        # How many values lie at or below each distance: before its own equals, and behind them.
        below += np.bincount(values.searchsorted(other, "right"), minlength=len(values) + 1)
        reached += np.bincount(values.searchsorted(other, "left"), minlength=len(values) + 1)
    different = int(below.sum())
    if not len(same) or not different:
        raise ReidbenchError(
            f"verification needs pairs of one person and of two, but there are {len(same)} and "
            f"{different}"
        )
    nearer, up_to = np.cumsum(below)[:-1], np.cumsum(reached)[:-1]
    found = np.cumsum(counts)
    corners = np.stack([nearer, found - counts], 1), np.stack([up_to, found], 1)
    curve = np.concatenate([np.stack(corners, 1).reshape(-1, 2), [[different, len(same)]]])
    curve = np.concatenate([[[0, 0]], curve])
    rates = curve / (different, len(same))
    area = float(np.trapezoid(rates[:, 1], rates[:, 0]))
    error, between = _equal_error(rates)
    threshold = _threshold(ready, across, values, between, round(error * different))
    return Verification(len(same), different, rates[:, 0], rates[:, 1], area, error, threshold)


def _pairs(ready: Compared, across: bool) -> Iterator[tuple[Floats, Floats]]:
    """Yield the distances of pairs of one person, and of two, query by query."""
    wrong, right, _ = range(len(MARKS))
    for start, rows in ready.distances.chunks():
        for number, row in enumerate(rows, start):
            who = int(ready.query.pids[number]), int(ready.query.cams[number])
            marks = marked(*who, ready.gallery.pids, ready.gallery.cams, across=across)
            yield row[marks == right], row[marks == wrong]


def _equal_error(rates: NDArray[np.float64]) -> tuple[float, int]:
    """Return where the curve meets the line of equal errors, and the corner before that."""
    excess = rates[:, 0] - (1 - rates[:, 1])  # false matches minus misses: from -1 to 1, rising
    after = int(np.argmax(excess >= 0))
    low, high = excess[after - 1], excess[after]
    share = -low / (high - low)
    start, end = rates[after - 1, 0], rates[after, 0]
    return float(start + share * (end - start)), after - 1


def _threshold(
    ready: Compared, across: bool, values: Floats, corner: int, false_matches: int
) -> float:
    """Return the distance at which so many different pairs are taken for one person.

    Corners come in pairs, before and behind each of the ascending ``values``, after the origin.
    """
    if corner % 2:  # on the way through the pairs at one distance
        return float(values[(corner - 1) // 2])
    low = values[corner // 2 - 1] if corner else -np.inf
    high = values[corner // 2] if corner // 2 < len(values) else np.inf
    nearer, between = 0, []
    for _, other in _pairs(ready, across):
        nearer += int((other <= low).sum())
        between.append(other[(other > low) & (other < high)])
    inside = np.sort(np.concatenate(between))
    wanted = false_matches - nearer
    if wanted <= 0 or not len(inside):
        return float(low if np.isfinite(low) else high)
    return float(inside[min(wanted, len(inside)) - 1])
