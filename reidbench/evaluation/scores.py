"""Scores of one ranking: every measure follows from the ranks of the matches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.evaluation.features import Ints
from reidbench.evaluation.options import Ties

Denominator = Literal["valid", "all"]
Measures = dict[str, float]
Doubles = NDArray[np.float64]

RANKS = (1, 5, 10, 20)
PER_QUERY = ("pid", "first", "ap", "ap_trapezoid", "inp")


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of Q queries, as fractions in [0, 1].

    A query is valid if the gallery holds a match. The primary mean is over the valid queries, as
    most released code takes it; the Market-1501 package divides by all queries.

    Attributes:
        pid: ``[Q]`` person of each query.
        first: ``[Q]`` rank of its first match, from 1; 0 without a match.
        ap: ``[Q]`` average precision, precision taken at the hits; NaN without a match.
        ap_trapezoid: ``[Q]`` average precision as ``compute_AP.m`` of the Market-1501 package
            has it: the area under the line through the precisions, which starts at 1; or NaN.
        inp: ``[Q]`` inverse negative penalty: matches / rank of the last one (Ye et al., TPAMI
            2021, eq. 1-2); or NaN.
        gallery: number of images ranked; the CMC curve has as many points.
        ties: the rule the ranks were made by.
    """

    pid: Ints
    first: Ints
    ap: Doubles
    ap_trapezoid: Doubles
    inp: Doubles
    gallery: int
    ties: Ties

    @classmethod
    def from_ranks(cls, pid: Ints, ranks: Sequence[Ints], gallery: int, ties: Ties) -> Scores:
        """Return the scores of ``ranks``: for each query the ascending ranks of its matches.

        Raises:
            ReidbenchError: if no query has a match, so that nothing can be scored.
        """
        counts = np.array([len(r) for r in ranks], np.int64)
        if not counts.any():
            raise no_match(len(ranks))
        first = np.array([r[0] if len(r) else 0 for r in ranks], np.int64)
        last = np.array([r[-1] if len(r) else 0 for r in ranks], np.float64)
        hits, trapezoid = _average_precisions(np.concatenate(ranks), counts)
        return cls(pid, first, hits, trapezoid, _ratio(counts, last), gallery, ties)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Scores:
        """Return the scores that :meth:`to_dict` wrote."""
        columns = record["per_query"]
        pid, first = (np.array(columns[n], np.int64) for n in PER_QUERY[:2])
        ap, trapezoid, inp = (np.array(columns[n], np.float64) for n in PER_QUERY[2:])
        return cls(pid, first, ap, trapezoid, inp, record["gallery"], record["ties"])

    @property
    def queries(self) -> int:
        """Number of queries."""
        return len(self.pid)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Mask of the queries that have a match, ``[Q]``."""
        valid: NDArray[np.bool_] = self.first > 0
        return valid

    @property
    def valid_queries(self) -> int:
        """Number of queries that have a match."""
        return int(self.valid.sum())

    @cached_property
    def cmc(self) -> Doubles:
        """The whole curve ``[gallery]``: how many valid queries meet a match by each rank."""
        firsts = np.bincount(self.first, minlength=self.gallery + 1)[1:]
        return np.cumsum(firsts) / self.valid_queries

    def rank(self, k: int) -> float:
        """Return the share of valid queries that meet a match among the first ``k``."""
        return float(self.cmc[min(k, self.gallery) - 1])

    @property
    def mean_ap(self) -> float:
        """The primary mAP: precision at hits, over valid queries."""
        return float(np.mean(self.ap[self.valid]))

    def measures(self, over: Denominator = "valid") -> Measures:
        """Return rank-1/5/10/20, both mAPs and mINP, over the valid or over all queries."""
        means = {f"rank{k}": self.rank(k) for k in RANKS} | {
            "mAP": self.mean_ap,
            "mAP_trapezoid": float(np.mean(self.ap_trapezoid[self.valid])),
            "mINP": float(np.mean(self.inp[self.valid])),
        }
        if over == "valid":
            return means
        return {n: v * self.valid_queries / self.queries for n, v in means.items()}

    def summary(self) -> dict[str, Any]:
        """Return the measures under both denominators, and what they count, ready for JSON."""
        return {
            **self.measures("valid"),
            "over_all_queries": self.measures("all"),
            "queries": self.queries,
            "valid_queries": self.valid_queries,
            "gallery": self.gallery,
            "ties": self.ties,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON and unrounded; None where a query has no match.

        The CMC curve ends at the rank where it reaches 1.
        """
        return {
            **self.summary(),
            "cmc": self.cmc[: self.first.max()].tolist(),
            "per_query": {name: _jsonable(getattr(self, name)) for name in PER_QUERY},
        }


def _average_precisions(ranks: Ints, counts: Ints) -> tuple[Doubles, Doubles]:
    """Return both average precisions of each query from the matches' ranks, end to end.

    ``compute_AP.m`` adds, for each match, its step in recall times the mean of the precisions at
    its rank and at the rank before; before the first rank the precision is 1.
    """
    query = np.repeat(np.arange(len(counts)), counts)
    found = np.arange(1, len(ranks) + 1) - np.repeat(np.cumsum(counts) - counts, counts)
    here = found / ranks
    before = np.where(ranks > 1, (found - 1) / np.maximum(ranks - 1, 1), 1.0)
    hits = np.bincount(query, here, len(counts))
    trapezoid = np.bincount(query, (here + before) / 2, len(counts))
    return _ratio(hits, counts), _ratio(trapezoid, counts)


def _ratio(top: NDArray[Any], bottom: NDArray[Any]) -> Doubles:
    ratio = np.full(len(top), np.nan)
    np.divide(top, bottom, out=ratio, where=bottom > 0)
    return ratio


def _jsonable(values: NDArray[Any]) -> list[float | int | None]:
    return [None if v != v else v for v in values.tolist()]


def no_match(queries: int) -> ReidbenchError:
    """Return the error to raise when no query has a match, so that nothing can be scored."""
    return ReidbenchError(
        f"none of the {queries} queries has a match in the gallery: "
        "check that both use the same person labels and that their cameras differ"
    )
