"""Options that turn features into a ranking: the part of a recipe that the evaluation reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, get_args

from reidbench.errors import UsageError, did_you_mean

Metric = Literal["euclidean", "cosine"]
Ties = Literal["stable", "optimistic", "pessimistic"]


@dataclass(frozen=True, kw_only=True)
class RankingOptions:
    """JSON-able options; the order of their effect is normalise, expand, measure, re-rank.

    Attributes:
        distance: "euclidean" (ranked by its square) or "cosine" (1 - cosine).
        normalise: scale every feature to unit length first; cosine does so anyway.
        expansion: number of nearest gallery features averaged into each query; 0 is none.
        rerank: re-rank by k-reciprocal neighbours (Zhong et al., CVPR 2017).
        k1: neighbours that make reciprocal sets (section 4.1, eq. 1-3).
        k2: neighbours that local query expansion averages over (eq. 11).
        lambda_value: weight of the original distance (eq. 12).
        ties: gallery images at the same distance rank by gallery index ("stable"), matches first
            ("optimistic") or matches last ("pessimistic"); the latter two bound every measure.
    """

    distance: Metric = "euclidean"
    normalise: bool = True
    expansion: int = 0
    rerank: bool = False
    k1: int = 20
    k2: int = 6
    lambda_value: float = 0.3
    ties: Ties = "stable"

    def __post_init__(self) -> None:
        """Raise ``UsageError`` for an unknown name or a number out of its range."""
        _known("distance", self.distance, get_args(Metric))
        _known("ties", self.ties, get_args(Ties))
        _at_least("expansion", self.expansion, 0)
        _at_least("k1", self.k1, 1)
        _at_least("k2", self.k2, 1)
        if not 0 <= self.lambda_value <= 1:
            raise UsageError(f"lambda_value must lie in [0, 1], not {self.lambda_value}")

    @property
    def unit_length(self) -> bool:
        """True if features are scaled to unit length."""
        return self.normalise or self.distance == "cosine"

    def to_dict(self) -> dict[str, str | bool | int | float]:
        """Return the fields by name, ready for JSON and for keys."""
        return asdict(self)


def _known(field: str, value: str, names: tuple[str, ...]) -> None:
    if value not in names:
        raise UsageError(f"{field} cannot be '{value}'{did_you_mean(value, names)}")


def _at_least(field: str, value: int, lowest: int) -> None:
    if value < lowest:
        raise UsageError(f"{field} must be at least {lowest}, not {value}")
