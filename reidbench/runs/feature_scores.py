"""Scores of features that any program made, and all that a comparison of them needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from reidbench.config.recipe import Component
from reidbench.errors import UsageError
from reidbench.evaluation import Features, Protocol, RankingOptions, Scores, evaluate
from reidbench.evaluation.evaluate import Compared, compared
from reidbench.evaluation.features import UNKNOWN
from reidbench.evaluation.files import read_features, read_sets
from reidbench.registry.parameters import resolve
from reidbench.registry.registry import Registry
from reidbench.results import html
from reidbench.results.compared_methods import labels_of
from reidbench.storage.files import write_json
from reidbench.storage.keys import JSON

FeatureSource: TypeAlias = (
    "str | Path | Features | tuple[ArrayLike, ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike]"
)
"""A file, or features ``[N, D]`` with pids ``[N]`` and, where they are known, cams ``[N]``."""


@dataclass(frozen=True)
class FeatureScores:
    """Scores of features.

    Attributes:
        scores: measures in [0, 1], and those of each query.
        protocol: by which the ranking was scored.
        ranking: how it was made.
        labels: digest of the labels of each set; scores of other labels are not comparable.
    """

    scores: Scores
    protocol: Component
    ranking: RankingOptions
    labels: Mapping[str, str]

    @property
    def title(self) -> str:
        """Protocol and number of images, as tables are headed."""
        scores = self.scores
        return f"{self.protocol.name}: {scores.queries} queries, gallery of {scores.gallery}"

    def measure(self, name: str) -> float:
        """Return a measure over the queries with a match, in [0, 1], e.g. of "mAP" or "rank1".

        Raises:
            UsageError: if no measure has that name.
        """
        known = self.scores.measures()
        if name not in known:
            raise UsageError(f"no measure is named '{name}'; known: {', '.join(known)}")
        return known[name]

    def to_dict(self) -> dict[str, JSON]:
        """Return everything, ready for JSON, as ``reidbench compare`` reads it."""
        origin = {
            "protocol": self.protocol.identity(),
            "ranking": self.ranking.to_dict(),
            "labels": dict(self.labels),
        }
        return {**self.scores.to_dict(), "evaluation": origin}

    def save(self, path: Path) -> None:
        """Write the scores as JSON, for ``reidbench compare``.

        Raises:
            ReidbenchError: if the file cannot be written.
        """
        write_json(path, self.to_dict())

    def _repr_html_(self) -> str:
        scores = self.scores
        valid, every = scores.measures("valid"), scores.measures("all")
        rows = [(html.heading(m), f"{100 * valid[m]:.2f}", f"{100 * every[m]:.2f}") for m in valid]
        over = (f"over {scores.valid_queries} with a match", f"over all {scores.queries}")
        return html.table(self.title, ("In percent", *over), rows)


def protocol_of(name: str, settings: Mapping[str, JSON], registry: Registry) -> Component:
    """Return a protocol with parameters set by hand.

    Args:
        name: of the protocol.
        settings: values by dotted name, e.g. ``{"protocol.repeats": 20}``.
        registry: where the name is looked up.

    Raises:
        UsageError: for unknown names, and for values of the wrong type.
    """
    given = {}
    for dotted, value in settings.items():
        owner, _, parameter = dotted.rpartition(".")
        if owner != "protocol":
            raise UsageError(f"--set changes protocol.PARAMETER here, not '{dotted}'")
        given[parameter] = value
    entry = registry.entry("protocol", name)
    factory = entry.load()
    return Component(entry, factory.version, resolve(factory, given, "protocol"))


def sets_of(
    protocol: Component,
    query: FeatureSource | None,
    gallery: FeatureSource | None,
    multi_query: FeatureSource | None = None,
    both: Path | None = None,
) -> dict[str, Features]:
    """Return the sets that a protocol ranks, by the names that ``evaluate`` has for them.

    Args:
        protocol: the protocol; one that pools queries reads "multi_query" from the file of both, if
            there are any.
        query: the queries.
        gallery: the gallery.
        multi_query: more images of the queries' persons.
        both: one file of queries and gallery, in place of two.

    Raises:
        UsageError: unless either query and gallery or one file of both is given.
        ReidbenchError: if a file cannot be read.
    """
    if both is not None and query is None and gallery is None:
        pools = protocol.build().pools_queries
        sets = read_sets(
            both, ["query", "gallery"], ["multi_query"] if pools and multi_query is None else []
        )
    elif both is None and query is not None and gallery is not None:
        sets = {"query": _read(query, "query"), "gallery": _read(gallery, "gallery")}
        if query is gallery or _same_path(query, gallery):
            sets = {role: replace(s, files=np.arange(len(s))) for role, s in sets.items()}
    else:
        raise UsageError("name --query and --gallery, or one file of both with --features")
    if multi_query is not None:
        sets["multi_query"] = _read(multi_query, "multi_query")
    return sets


def score_features(
    sets: Mapping[str, Features], protocol: Component, ranking: RankingOptions
) -> FeatureScores:
    """Rank the gallery for every query, and score the rankings.

    Raises:
        ReidbenchError: if a set cannot be ranked, or no query has a match.
    """
    built = protocol.build()
    scores = evaluate(
        sets["query"], sets["gallery"], built, ranking, multi_query=sets.get("multi_query")
    )
    return FeatureScores(scores, protocol, ranking, labels_of(sets))


def compared_sets(
    sets: Mapping[str, Features], protocol: Protocol, ranking: RankingOptions
) -> Compared:
    """Return the distances that :func:`score_features` scores, for ranked lists and verification.

    Raises:
        ReidbenchError: if a set cannot be ranked, or no query has a match.
    """
    more = sets.get("multi_query")
    return compared(sets["query"], sets["gallery"], protocol, ranking, multi_query=more)


def _same_path(query: FeatureSource, gallery: FeatureSource) -> bool:
    paths = (str | Path, str | Path)
    return all(map(isinstance, (query, gallery), paths)) and str(query) == str(gallery)


def _read(source: FeatureSource, role: str) -> Features:
    if isinstance(source, Features):
        return source
    if isinstance(source, tuple):
        features, pids = map(np.asarray, source[:2])
        cams = np.asarray(source[2]) if len(source) > 2 else np.full(pids.shape, UNKNOWN)
        return Features(features, pids, cams)
    return read_features(Path(source), role)
