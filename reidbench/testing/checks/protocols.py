"""Checks of evaluation protocols, on made-up persons and features."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from reidbench.errors import ReidbenchError
from reidbench.evaluation.evaluate import evaluate
from reidbench.evaluation.features import Features
from reidbench.evaluation.protocols import Protocol
from reidbench.evaluation.scores import Scores
from reidbench.testing.checks.check import FailedCheck, Subject, check, require
from reidbench.testing.checks.trainables import described

KIND = "protocol"
Sets = tuple[Features, Features]


def many_shots() -> Sets:
    """Return ten queries of camera 0, the last two without a match, among three cameras."""
    pids = np.array([1, 2, 3, 4, 5, 6, 7, 8, 90, 91])
    found = np.concatenate([np.repeat(np.arange(1, 9), 4), [0, 0, 77]])
    cams = np.concatenate([np.tile([0, 1, 1, 2], 8), [1, 2, 1]])
    return _features(pids, pids * 0), _features(found, cams, first=len(pids))


def single_shots() -> Sets:
    """Return ten queries of camera 0, the last two without a match, and one image a person."""
    pids = np.array([1, 2, 3, 4, 5, 6, 7, 8, 90, 91])
    found = np.array([1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 77])
    return _features(pids, pids * 0), _features(found, found * 0 + 1, first=len(pids))


def scored(subject: Subject, *, reverse: bool = False) -> tuple[Protocol, Features, Scores]:
    """Return the protocol, the queries and their scores, on labels that it does not refuse.

    Args:
        subject: the protocol.
        reverse: let each person's features be the farthest from their own, not the nearest.
    """
    protocol: Protocol = subject.build()
    refusals = []
    for query, gallery in (many_shots(), single_shots()):
        try:
            protocol.refuse_labels(query.labels, gallery.labels)
        except ReidbenchError as error:
            refusals.append(str(error))
            continue
        shown = replace(query, features=-query.features) if reverse else query
        return protocol, query, evaluate(shown, gallery, protocol)
    raise FailedCheck(f"refuse_labels refuses common labels: {'; '.join(refusals)}")


@check(
    KIND,
    why="A protocol that scores fewer queries than have a match is ranked better than it is.",
    mend="Score every query that has a match in the gallery, and no other.",
)
def scores_every_query_with_a_match(subject: Subject) -> None:
    """Count the queries that were scored."""
    _, query, scores = scored(subject)
    require(isinstance(scores, Scores), f"scores gives {described(scores)}")
    wanted = {int(p) for p in query.pids if p < 90}
    valid = {int(p) for p in scores.pid[scores.valid]}
    require(
        wanted <= valid, f"{len(wanted - valid)} of {len(wanted)} queries with a match are left out"
    )
    require(valid <= wanted, "queries without a match are scored")


@check(
    KIND,
    why="mAP and CMC of perfect features are 1: else every score is too low, or reversed.",
    mend="A smaller distance is a better one; ranks count from 1; leave out the query's own image.",
)
def perfect_features_score_1(subject: Subject) -> None:
    """Score features that are a person's own."""
    for name, value in scored(subject)[2].measures().items():
        require(abs(value - 1) < 1e-6, f"{name} of perfect features is {value:.4g}, not 1")


@check(
    KIND,
    why="A measure outside [0, 1], or one that does not tell good from bad, ranks nothing.",
    mend="Compute the scores by Scores.from_ranks from the ranks of the matches.",
)
def worse_features_score_less(subject: Subject) -> None:
    """Score features that are farthest from a person's own."""
    best, worst = (scored(subject, reverse=r)[2].measures() for r in (False, True))
    for name, value in worst.items():
        require(math.isfinite(value) and 0 <= value <= 1, f"{name} is {value:.4g}, not in [0, 1]")
    require(worst["mAP"] < best["mAP"], "the worst features have the mAP of the best")


@check(
    KIND,
    why="Scores are compared over runs: draws of a protocol must be the same in each.",
    mend="Draw from np.random.default_rng(seed) with a seed that is a parameter.",
)
def is_deterministic(subject: Subject) -> None:
    """Score the same features twice."""
    first, second = (scored(subject, reverse=True)[2].to_dict() for _ in range(2))
    require(first == second, "the same features have other scores at the second call")


@check(
    KIND,
    why="Where no query has a match nothing can be scored, and a run must say so before it trains.",
    mend="Raise ReidbenchError from refuse_labels (or scores) where no query has a match.",
)
def refuses_labels_without_a_match(subject: Subject) -> None:
    """Score queries of strangers."""
    protocol: Protocol = subject.build()
    for query, gallery in (many_shots(), single_shots()):
        strangers = replace(query, pids=query.pids + 1000)
        try:
            evaluate(strangers, gallery, protocol)
        except ReidbenchError:
            continue
        raise FailedCheck("queries none of which has a match are scored")


def protocol_scalars(subject: Subject) -> dict[str, float]:
    """Return the values of a golden test: the measures of the worst features."""
    return scored(subject, reverse=True)[2].measures()


def _features(
    pids: np.ndarray[tuple[int], np.dtype[np.int64]], cams: object, first: int = 0
) -> Features:
    """Return features in which each person has a direction of their own, nearly.

    Args:
        pids: the persons.
        cams: their cameras.
        first: number of the first image's file; no two images are one file.
    """
    rng = np.random.default_rng(0)
    own = rng.normal(size=(100, 64))
    rows = own[pids] + 0.01 * rng.normal(size=(len(pids), 64))
    labels = pids.astype(np.int64), np.asarray(cams, np.int64)
    return Features(rows.astype(np.float32), *labels, np.arange(first, first + len(pids)))
