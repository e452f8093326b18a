"""Records of orders beside each other: how alike they are, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec import to_builtins

from reidbench.results.notebook import Notebook
from reidbench.storage.keys import JSON


@dataclass(frozen=True)
class Side:
    """One of two orders.

    Attributes:
        name: benchmark, or a paper's table and its setting.
        title: benchmark and version, or the paper.
        seeds: of the benchmark; empty of a paper.
        agreement: mean tau-b of the orders by two single seeds; None of fewer than two.
        others: methods that the other side does not have.
        left_out: methods that the other side has and this one does not rank, with the reason.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    agreement: float | None
    others: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class MethodPlaces:
    """A method in both orders.

    Attributes:
        name: on the first side, and what the second calls it if that is another name.
        means: over the seeds of the first and of the second, as fractions.
        places: among the methods of both, 1 for the best; equal means share one.
    """

    name: str
    means: tuple[float, float]
    places: tuple[int, int]


@dataclass(frozen=True)
class Correlation:
    """Kendall's tau-b of the means.

    Attributes:
        tau: in [-1, 1].
        p_value: two-sided, of orders that have nothing to do with each other.
        low: lower end of the interval over the seeds; None where no side has two.
        high: upper end.
        every: whether all draws of the seeds were taken; else as many as were asked for.
    """

    tau: float
    p_value: float
    low: float | None
    high: float | None
    every: bool


@dataclass(frozen=True)
class Pairs:
    """Pairs of methods.

    Attributes:
        alike: that both sides have in the same order.
        reversed: that they have in opposite orders; the rest is tied on a side.
        of: number of pairs.
    """

    alike: int
    reversed: int
    of: int

    @property
    def share(self) -> float | None:
        """Fraction that is alike; None of no pair."""
        return self.alike / self.of if self.of else None


@dataclass(frozen=True)
class RankComparison(Notebook):
    """Two orders of the same methods.

    Attributes:
        first: a benchmark, or a paper's table.
        second: the other.
        measure: that both are ordered by.
        methods: of both, the best of the first side first.
        correlation: of the two orders.
        pairs: of all methods.
        sure: pairs that each benchmark tells apart by Student's paired t over its seeds, corrected
            for all pairs by Holm; what a paper prints is taken as it is.
        contradictions: those of ``sure`` that are reversed: ahead on the first side, and on the
            second.
        notes: what a reader should know besides, in sentences.
    """

    first: Side
    second: Side
    measure: str
    methods: tuple[MethodPlaces, ...]
    correlation: Correlation
    pairs: Pairs
    sure: Pairs
    contradictions: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both sides."""
        return self.first, self.second

    def to_dict(self) -> dict[str, JSON]:
        """Return it ready for JSON, with measures as fractions in [0, 1]."""
        record: dict[str, JSON] = to_builtins(self)
        return record


@dataclass(frozen=True)
class Rankings(Notebook):
    """Comparisons of orders, one a pair.

    Attributes:
        measure: of all.
        level: coverage of the intervals.
        samples: number of draws of the seeds where not all are taken.
        seed: seeded them.
    """

    comparisons: tuple[RankComparison, ...]
    measure: str
    level: float
    samples: int
    seed: int

    def __len__(self) -> int:
        """Return how many pairs of orders there are."""
        return len(self.comparisons)

    def __iter__(self) -> Iterator[RankComparison]:
        """Yield the comparisons."""
        return iter(self.comparisons)

    def __getitem__(self, number: int) -> RankComparison:
        """Return one of the comparisons."""
        return self.comparisons[number]

    def to_dict(self) -> dict[str, JSON]:
        """Return it ready for JSON, with measures as fractions in [0, 1]."""
        record: dict[str, JSON] = to_builtins(self)
        return record
