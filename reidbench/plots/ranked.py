"""Ranked lists of a run as rows of images, from what the run kept in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reidbench.errors import ReidbenchError
from reidbench.evaluation import (
    Features,
    Market1501,
    MatrixDistances,
    MultiQuery,
    Protocol,
    RankingOptions,
    SingleShot,
)
from reidbench.evaluation.evaluate import Compared, compared
from reidbench.evaluation.features import JUNK
from reidbench.evaluation.ranked import MARKS, RankedList, ranked_lists
from reidbench.plots.kept import KEY, artifacts, images_of
from reidbench.plots.panels import RankedRow
from reidbench.results.result import Result
from reidbench.storage.artifacts import Artifact, Store

_PROTOCOLS: dict[str, type[Protocol]] = {
    "market1501": Market1501,
    "multi-query": MultiQuery,
    "single-shot": SingleShot,
}
_SETS = ("query", "gallery")


def ranked_rows(result: Result, cache: Path, queries: int = 6, columns: int = 8) -> list[RankedRow]:
    """Return some queries of a run, from the best to the worst found, with their nearest images.

    Args:
        result: of the run.
        cache: folder of stages, where the run kept features and images.
        queries: number of queries, evenly spread over the order of their average precision.
        columns: images of each.

    Raises:
        ReidbenchError: saying what is not in the cache, or that the protocol has no one ranking.
    """
    name = str(result.benchmark["protocol"]["name"])
    if name not in _PROTOCOLS or name == "multi-query":
        raise ReidbenchError(f"protocol '{name}' has no ranked list of each query image")
    embedded = list(artifacts(result, "embed", cache))
    if not embedded:
        raise ReidbenchError("the run's features are not in the cache; run it again")
    artifact = embedded[-1][1]
    store = Store(cache)
    inputs = [str(k) for k in artifact.manifest.get("inputs", ())][1:3]
    kept = [store.find(k) if KEY.fullmatch(k) else None for k in inputs]
    if len(kept) != 2 or None in kept:
        raise ReidbenchError("the run's test images are not in the cache; run it again")
    query, gallery = (images_of(a) for a in kept if a is not None)
    ready = _compared(result, artifact, cache, _PROTOCOLS[name]())
    lists = _spread(list(ranked_lists(ready, _PROTOCOLS[name](), top=columns)), result, queries)
    return [
        RankedRow(
            label,
            query[found.query],
            gallery[found.images],
            tuple(MARKS[mark] for mark in found.marks),
        )
        for label, found in lists
    ]


def _compared(result: Result, artifact: Artifact, cache: Path, protocol: Protocol) -> Compared:
    query, gallery = (_features(artifact, role) for role in _SETS)
    ranking: Any = result.recipe.get("ranking")
    try:
        options = RankingOptions(**ranking) if isinstance(ranking, dict) else RankingOptions()
    except TypeError as error:
        raise ReidbenchError(f"the result's options of the ranking are unknown: {error}") from error
    if matched := list(artifacts(result, "match", cache)):
        matrix = np.load(matched[-1][1].path / "distances.npy")
        rows = np.flatnonzero(gallery.pids != JUNK)
        distances = MatrixDistances(matrix[:, rows])
        return Compared(distances, query.labels, gallery.labels[rows], rows)
    return compared(query, gallery, protocol, options)


def _features(artifact: Artifact, role: str) -> Features:
    try:
        arrays = [
            np.load(artifact.path / f"{role}_{field}.npy") for field in ("features", "pids", "cams")
        ]
    except (OSError, ValueError) as error:
        raise ReidbenchError(f"{artifact.key} in the cache holds no features: {error}") from error
    return Features(*arrays)


def _spread(
    lists: Sequence[RankedList], result: Result, queries: int
) -> list[tuple[str, RankedList]]:
    """Return labelled lists from the best average precision to the worst, evenly spread."""
    told: Any = result.scores.get("per_query")
    values = told.get("ap") if isinstance(told, dict) else None
    if not isinstance(values, list) or len(values) != len(lists):
        values = [None] * len(lists)
    scores = np.array([float(v) if type(v) in (int, float) else np.nan for v in values])
    known = np.flatnonzero(~np.isnan(scores))
    order = (
        known[np.argsort(-scores[known], kind="stable")] if len(known) else np.arange(len(lists))
    )
    chosen = order[np.linspace(0, len(order) - 1, min(queries, len(order))).astype(int)]
    return [(_label(scores[i], lists[i]), lists[i]) for i in chosen.tolist()]


def _label(score: float, found: RankedList) -> str:
    precision = "" if np.isnan(score) else f"\nAP {100 * score:.0f} %"
    return f"query {found.query}{precision}"
