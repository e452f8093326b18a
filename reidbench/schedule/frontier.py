"""The stages of a graph that can be computed now, the most urgent first."""

from __future__ import annotations

import heapq

from reidbench.schedule.graph import Graph


class Frontier:
    """State of a graph: ready, running, done and lost. It computes nothing and knows no clock."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._rank = {key: number for number, key in enumerate(graph.nodes)}
        self._keys = list(graph.nodes)
        self._missing = {key: len(node.needs) for key, node in graph.nodes.items()}
        self._followers: dict[str, list[str]] = {key: [] for key in graph.nodes}
        for node in graph.nodes.values():
            for needed in node.needs:
                self._followers[needed].append(node.key)
        self._left = [len(row) for row in graph.rows]
        self._lost: set[int] = set()
        self._wanted = {key: len(node.rows) for key, node in graph.nodes.items()}
        self._ready = [self._rank[key] for key, count in self._missing.items() if not count]
        heapq.heapify(self._ready)
        self._elsewhere: list[str] = []
        self._running: set[str] = set()

    @property
    def running(self) -> frozenset[str]:
        """The keys that were taken and are neither done nor failed."""
        return frozenset(self._running)

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The keys that somebody else is computing."""
        return tuple(self._elsewhere)

    @property
    def over(self) -> bool:
        """True when nothing runs and nothing is left to take."""
        return not (self._running or self._elsewhere or self._ready)

    def take(self) -> str | None:
        """Return the most urgent stage that is ready, and count it as running; None if none is.

        A stage that only lost runs want is never returned.
        """
        while self._ready:
            key = self._keys[heapq.heappop(self._ready)]
            if self._wanted[key]:
                self._running.add(key)
                return key
        return None

    def done(self, key: str) -> list[int]:
        """Note that a stage is at hand; return the runs that have all their stages by it."""
        self._running.discard(key)
        for follower in self._followers[key]:
            self._missing[follower] -= 1
            if not self._missing[follower]:
                heapq.heappush(self._ready, self._rank[follower])
        whole = []
        for row in self.graph.nodes[key].rows:
            self._left[row] -= 1
            if not self._left[row] and row not in self._lost:
                whole.append(row)
        return whole

    def failed(self, key: str) -> list[int]:
        """Note that a stage cannot be had; return the runs that are lost by it."""
        self._running.discard(key)
        lost = [row for row in self.graph.nodes[key].rows if row not in self._lost]
        self._lost |= set(lost)
        for row in lost:
            for other in self.graph.rows[row]:
                self._wanted[other] -= 1
        return lost

    def put_back(self, key: str) -> None:
        """Note that somebody else is computing a stage that was taken."""
        self._running.discard(key)
        self._elsewhere.append(key)

    def retry(self) -> None:
        """Make ready again what somebody else was computing."""
        for key in self._elsewhere:
            heapq.heappush(self._ready, self._rank[key])
        self._elsewhere.clear()
