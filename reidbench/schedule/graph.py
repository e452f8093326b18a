"""The stages of many runs, each once, and what hangs on what: plain values, computed by nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

Row = Sequence[tuple[str, Sequence[str]]]
"""One run: the key of each stage that it lacks with the keys of its inputs, inputs first."""


@dataclass(frozen=True)
class Node:
    """A stage to compute.

    Attributes:
        key: its content key.
        needs: the keys that are computed before it; an input that is at hand is none of them.
        rows: numbers of the runs that want it, in their order.
    """

    key: str
    needs: tuple[str, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """The distinct stages of a sweep.

    Attributes:
        nodes: by key, the most urgent first: those of the first run, in its order, then what the
            second adds, and so on. So whole rows finish early.
        rows: the keys that each run waits for; of a run whose stages are all at hand there are
            none.
    """

    nodes: Mapping[str, Node]
    rows: tuple[frozenset[str], ...]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Graph:
        """Return the graph of runs, in the order in which they should finish.

        Raises:
            ValueError: if a stage comes before one of its inputs.
        """
        needs: dict[str, tuple[str, ...]] = {}
        wanted: dict[str, list[int]] = {}
        keys: list[frozenset[str]] = []
        for number, row in enumerate(rows):
            known = {key for key, _ in row}
            for key, inputs in row:
                if key not in needs:
                    needs[key] = _before(key, inputs, known, needs)
                wanted.setdefault(key, []).append(number)
            keys.append(frozenset(known))
        nodes = {key: Node(key, needs[key], tuple(wanted[key])) for key in needs}
        return cls(MappingProxyType(nodes), tuple(keys))

    @property
    def shared(self) -> int:
        """Number of computations that sharing saves: what the rows want, less what is distinct."""
        return sum(map(len, self.rows)) - len(self.nodes)


def _before(
    key: str, inputs: Sequence[str], row: set[str], placed: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return the inputs that are computed first; they must have their place already."""
    ours = tuple(dict.fromkeys(i for i in inputs if i in row))
    if late := [i for i in ours if i not in placed]:
        raise ValueError(f"{key} comes before its input {late[0]}")
    return ours
