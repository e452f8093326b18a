"""The course of a sweep on so many workers, worked out from the seconds of its stages."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

from reidbench.schedule.frontier import Frontier
from reidbench.schedule.graph import Graph


@dataclass(frozen=True)
class Simulated:
    """Times at which a sweep and each of its runs would end.

    Attributes:
        seconds: from its start to its end.
        rows: seconds until each run is whole; 0 for one whose stages are all at hand.
        order: keys in the order in which they would be begun.
    """

    seconds: float
    rows: tuple[float, ...]
    order: tuple[str, ...]


def simulate(graph: Graph, seconds: Mapping[str, float], workers: int) -> Simulated:
    """Return the course of a graph on workers that are equally fast and never wait for a disk.

    Args:
        graph: what is computed.
        seconds: of each of its stages, by key.
        workers: how many stages are computed at a time.
    """
    frontier, now = Frontier(graph), 0.0
    rows = [0.0] * len(graph.rows)
    order: list[str] = []
    busy: list[tuple[float, int, str]] = []  # the number keeps ties in the order of their start
    while not frontier.over:
        while len(busy) < workers and (key := frontier.take()) is not None:
            heapq.heappush(busy, (now + seconds[key], len(order), key))
            order.append(key)
        if not busy:
            break
        now, _, ended = heapq.heappop(busy)
        for row in frontier.done(ended):
            rows[row] = now
    return Simulated(now, tuple(rows), tuple(order))
