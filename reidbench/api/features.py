"""Scores of features from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reidbench.storage.keys import JSON

if TYPE_CHECKING:
    from reidbench.evaluation.options import Metric, Ties
    from reidbench.runs.feature_scores import FeatureScores, FeatureSource


def evaluate(
    query: FeatureSource,
    gallery: FeatureSource | None = None,
    *,
    multi_query: FeatureSource | None = None,
    protocol: str = "market1501",
    settings: Mapping[str, JSON] | None = None,
    distance: Metric = "euclidean",
    normalise: bool = True,
    expansion: int = 0,
    rerank: bool = False,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
    ties: Ties = "stable",
) -> FeatureScores:
    """Rank a gallery by features that any program made, and score the ranking.

    A set is a file (.npz, .mat, .pt or .csv; nothing is unpickled) or the arrays features
    ``[N, D]``, pids ``[N]`` and cams ``[N]``. pid -1 is junk, pid 0 a distractor.

    Args:
        query: the queries, or a file of both sets.
        gallery: the gallery; None if ``query`` is a file of both.
        multi_query: more images of the queries' persons, for the protocol "multi-query".
        protocol: what is looked for in which gallery.
        settings: parameters of the protocol, e.g. ``{"protocol.repeats": 20}``.
        distance: "euclidean" or "cosine".
        normalise: scale features to unit length.
        expansion: number of neighbours averaged into each query.
        rerank: re-rank by k-reciprocal neighbours.
        k1: neighbours that make reciprocal sets.
        k2: neighbours that re-ranking averages over.
        lambda_value: weight of the original distance in re-ranking.
        ties: "stable", "optimistic" or "pessimistic".

    Returns:
        The scores; ``save`` writes them for ``reidbench compare``.

    Raises:
        UsageError: for unknown names and values out of range.
        ReidbenchError: if a set cannot be read or ranked, or no query has a match.

    Example:
        >>> import reidbench
        >>> query = ([[1.0, 0.0], [0.0, 1.0]], [1, 2], [0, 0])
        >>> gallery = ([[0.9, 0.1], [0.6, 0.8], [0.8, 0.6]], [1, 2, 3], [1, 1, 1])
        >>> reidbench.evaluate(query, gallery).measure("mAP")
        1.0
    """
    from reidbench.evaluation import RankingOptions
    from reidbench.registry.loading import load_plugins
    from reidbench.runs.feature_scores import protocol_of, score_features, sets_of

    ranking = RankingOptions(
        distance=distance,
        normalise=normalise,
        expansion=expansion,
        rerank=rerank,
        k1=k1,
        k2=k2,
        lambda_value=lambda_value,
        ties=ties,
    )
    chosen = protocol_of(protocol, settings or {}, load_plugins().registry)
    if gallery is None and isinstance(query, str | Path):
        return score_features(
            sets_of(chosen, None, None, multi_query, Path(query)), chosen, ranking
        )
    return score_features(sets_of(chosen, query, gallery, multi_query), chosen, ranking)
