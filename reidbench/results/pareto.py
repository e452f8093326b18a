"""Rows that no other beats in both cost and score."""

from __future__ import annotations

import math
from collections.abc import Iterable


def pareto_front(points: Iterable[tuple[float | None, float]]) -> set[tuple[float, float]]:
    """Return the costs and scores of which none has at most the cost and at least the score.

    Args:
        points: cost, or None where it is not known, and score of each row.
    """
    known = [(cost, score) for cost, score in points if cost is not None]
    front, best = set(), -math.inf
    for cost, score in sorted(known, key=lambda point: (point[0], -point[1])):
        if score > best:
            front.add((cost, score))
            best = score
    return front
