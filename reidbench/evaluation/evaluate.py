"""From features to scores."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.evaluation.centring import CentredRows, centred, common_origin, sampled
from reidbench.evaluation.distance import Columns, Distances, Doubles, FeatureDistances, Rows, unit
from reidbench.evaluation.expansion import expanded
from reidbench.evaluation.features import (
    JUNK,
    Features,
    Floats,
    Ints,
    Labels,
    checked,
    same_dimension,
)
from reidbench.evaluation.options import RankingOptions
from reidbench.evaluation.protocols import Market1501, Protocol
from reidbench.evaluation.ranking import check_compatible
from reidbench.evaluation.scores import Scores


def evaluate(
    query: Features,
    gallery: Features,
    protocol: Protocol | None = None,
    options: RankingOptions | None = None,
    *,
    multi_query: Features | None = None,
) -> Scores:
    """Rank the gallery for every query and score the rankings.

    Above the features it holds one copy of them (two with re-ranking) and one chunk of
    distances; time grows as Q x G x D. Features that float32 would not tell apart are centred
    (see :mod:`reidbench.evaluation.centring`), and scored as in float64.

    Args:
        query: the query set.
        gallery: the gallery set, with junk (pid -1) and distractors (pid 0).
        protocol: the evaluation protocol; :class:`Market1501` unless said otherwise.
        options: options of the ranking; :class:`RankingOptions` unless said otherwise.
        multi_query: further images of the queries' persons, for :class:`MultiQuery`.

    Raises:
        ReidbenchError: if a set is empty, misshapen or not finite, their dimensions differ, the
            gallery is all junk or no query has a match.
    """
    protocol, options = protocol or Market1501(), options or RankingOptions()
    ready = compared(query, gallery, protocol, options, multi_query=multi_query)
    return protocol.scores(ready.distances, ready.query, ready.gallery, ties=options.ties)


@dataclass(frozen=True, eq=False)
class Compared:
    """Distances of queries and gallery as an evaluation ranks them.

    Attributes:
        distances: ``[Q, G]``.
        query: labels of the Q queries, pooled if the protocol pools them.
        gallery: labels of the G gallery images that are no junk.
        rows: ``[G]`` their places in the gallery as it was given.
    """

    distances: Distances
    query: Labels
    gallery: Labels
    rows: Ints


def compared(
    query: Features,
    gallery: Features,
    protocol: Protocol,
    options: RankingOptions,
    *,
    multi_query: Features | None = None,
) -> Compared:
    """Return the distances that :func:`evaluate` scores; arguments and errors are its own."""
    query, gallery = checked("query", query), checked("gallery", gallery)
    same_dimension("query", query, "gallery", gallery)
    if multi_query is not None:
        multi_query = checked("multi_query", multi_query)
        same_dimension("multi_query", multi_query, "gallery", gallery)
    kept = np.flatnonzero(_not_junk(gallery.pids))
    more = None if multi_query is None else multi_query.labels
    protocol.refuse_labels(query.labels, gallery.labels, more)
    origin = _origin(gallery.features, kept, options)
    ranked = _of_gallery(gallery, kept, options, origin)
    labels, wanted = _of_queries(query, multi_query, protocol, options, origin)
    distances = _distances(wanted, ranked.features, options, origin)
    return Compared(distances, labels, ranked.labels, kept)


def evaluate_distances(
    distances: Distances,
    query: Labels,
    gallery: Labels,
    protocol: Protocol | None = None,
    options: RankingOptions | None = None,
) -> Scores:
    """Score the rankings by given distances, such as negative verification scores.

    Args:
        distances: ``[Q, G]``, smaller for pairs that are likelier one person.
        query: labels of the rows.
        gallery: labels of the columns, with junk (pid -1) and distractors (pid 0).
        protocol: the evaluation protocol; :class:`Market1501` unless said otherwise.
        options: options of the ranking; only the rule for ties counts here.

    Raises:
        ReidbenchError: as :func:`evaluate` does, or if the labels do not fit the distances.
    """
    protocol, options = protocol or Market1501(), options or RankingOptions()
    check_compatible(distances, query, gallery)
    kept = _not_junk(gallery.pids)
    columns = distances if kept.all() else Columns(distances, np.flatnonzero(kept))
    return protocol.scores(columns, query, gallery[kept], ties=options.ties)


def _not_junk(pids: Ints) -> NDArray[np.bool_]:
    kept: NDArray[np.bool_] = pids != JUNK
    if not kept.any():
        raise ReidbenchError(f"gallery holds junk only: every pid is {JUNK}")
    return kept


def _origin(gallery: Floats, kept: Ints, options: RankingOptions) -> Doubles | None:
    """Return the vector to subtract from all features, None if they are spread already."""
    rows = gallery[sampled(kept)].astype(np.float32, copy=False)
    return common_origin(unit(rows) if options.unit_length else rows)


def _of_gallery(
    gallery: Features, kept: Ints, options: RankingOptions, origin: Doubles | None
) -> Features:
    """Return the gallery without junk, as it is compared; its features are held once."""
    labels, unit_length = gallery.labels[kept], options.unit_length
    if origin is None:
        features = gallery.features[kept].astype(np.float32, copy=False)
        features = unit(features) if unit_length else features
    else:
        features = centred(gallery.features, origin, unit_length=unit_length, rows=kept)
    return Features(features, labels.pids, labels.cams, labels.files)


def _of_queries(
    query: Features,
    multi_query: Features | None,
    protocol: Protocol,
    options: RankingOptions,
    origin: Doubles | None,
) -> tuple[Labels, Rows]:
    """Return what is searched for: labels, and features as they are compared."""
    if origin is not None and type(protocol).queries is Protocol.queries:
        wanted = protocol.queries(query, multi_query, unit_length=options.unit_length)
        return wanted.labels, CentredRows(wanted.features, origin, options.unit_length)
    wanted = _scaled(query, options, np.float32 if origin is None else np.float64)
    wanted = protocol.queries(wanted, multi_query, unit_length=options.unit_length)
    if origin is None:
        return wanted.labels, wanted.features
    return wanted.labels, centred(wanted.features, origin, unit_length=False)


def _scaled(images: Features, options: RankingOptions, kind: type[np.floating]) -> Features:
    """Return the images with features of a number type, at unit length if so asked."""
    features = images.features.astype(kind, copy=options.unit_length)
    return replace(images, features=unit(features) if options.unit_length else features)


def _distances(
    query: Rows, gallery: Floats, options: RankingOptions, origin: Doubles | None
) -> Distances:
    """Return the distances of features that had ``origin`` subtracted, if it is not None."""
    distances = _plain(query, gallery, options, origin)
    if options.expansion:
        query = expanded(
            query,
            gallery,
            distances,
            options.expansion,
            unit_length=options.unit_length,
            origin=origin,
        )
        distances = _plain(query, gallery, options, origin)
    return _reranked(query, gallery, options, origin) if options.rerank else distances


def _plain(
    query: Rows, gallery: Floats, options: RankingOptions, origin: Doubles | None
) -> FeatureDistances:
    return FeatureDistances(query, gallery, options.distance, centred=origin is not None)


def _reranked(
    query: Rows, gallery: Floats, options: RankingOptions, origin: Doubles | None
) -> Distances:
    # Only re-ranking needs scipy's sparse rows, which take long to import.
    from reidbench.evaluation.rerank import Reranked

    images = np.concatenate([query[:], gallery])
    joint = _plain(images, images, options, origin)
    return Reranked(
        joint, len(query), k1=options.k1, k2=options.k2, lambda_value=options.lambda_value
    )
