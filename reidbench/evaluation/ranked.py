"""Ranked lists: the gallery images nearest to each query, and which of them are right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import UsageError
from reidbench.evaluation.evaluate import Compared
from reidbench.evaluation.features import Floats, Ints
from reidbench.evaluation.options import Ties
from reidbench.evaluation.protocols import Protocol

Mark = Literal["right", "wrong", "junk"]
MARKS: tuple[Mark, ...] = ("wrong", "right", "junk")
_WRONG, _RIGHT, _JUNK = range(3)


@dataclass(frozen=True, eq=False)
class RankedList:
    """The gallery of one query, the nearest image first.

    Attributes:
        query: its place among the queries; of pooled ones, in the order of their appearance.
        pid: its person.
        cam: its camera.
        images: ``[K]`` places in the gallery as it was given.
        pids: ``[K]`` their persons.
        cams: ``[K]`` their cameras.
        distances: ``[K]`` to the query.
        marks: ``[K]`` numbers of ``MARKS``.
        ranks: ``[K]`` from 1; 0 of junk, which takes no rank.
    """

    query: int
    pid: int
    cam: int
    images: Ints
    pids: Ints
    cams: Ints
    distances: Floats
    marks: Ints
    ranks: Ints


def ranked_lists(
    ready: Compared, protocol: Protocol, *, ties: Ties = "stable", top: int = 0
) -> Iterator[RankedList]:
    """Yield the ranked list of each query; ranks are those that the scores count.

    Junk of a query (its person in its camera) stands in the list and takes no rank. Images with
    pid -1 are not in it: they are left out of the gallery before anything is ranked.

    Args:
        ready: distances and labels, as ``compared`` gives them.
        protocol: says which images are right.
        ties: the rule for equal distances.
        top: most images of each query, junk included; 0 for all.

    Raises:
        UsageError: if the protocol has no one ranking of the gallery.
    """
    across = across_cameras(protocol)
    for start, rows in ready.distances.chunks():
        for number, row in enumerate(rows, start):
            yield _list(ready, number, row, across, ties, top or len(row))


def across_cameras(protocol: Protocol) -> bool:
    """Return whether the query's camera is left out.

    Raises:
        UsageError: if the protocol has no one ranking of the gallery.
    """
    if protocol.across_cameras is None:
        raise UsageError(
            f"{type(protocol).__name__} has no one ranking of the whole gallery for each query; "
            "choose market1501, multi-query or single-shot"
        )
    return protocol.across_cameras


def marked(pid: int, cam: int, pids: Ints, cams: Ints, *, across: bool) -> Ints:
    """Return the number in ``MARKS`` of each gallery image ``[G]`` for one query."""
    same: NDArray[np.bool_] = pids == pid
    marks = np.where(same, _RIGHT, _WRONG)
    if across:
        marks[same & (cams == cam)] = _JUNK
    return marks.astype(np.int64)


def _list(
    ready: Compared, number: int, row: Floats, across: bool, ties: Ties, top: int
) -> RankedList:
    pid, cam = int(ready.query.pids[number]), int(ready.query.cams[number])
    marks = marked(pid, cam, ready.gallery.pids, ready.gallery.cams, across=across)
    first = {"stable": np.zeros(len(row)), "optimistic": marks != _RIGHT}.get(ties, marks == _RIGHT)
    order = np.lexsort((first, row))
    counted = np.cumsum(marks[order] != _JUNK)
    ranks = np.where(marks[order] == _JUNK, 0, counted)[:top]
    chosen = order[:top]
    return RankedList(
        number,
        pid,
        cam,
        ready.rows[chosen],
        ready.gallery.pids[chosen],
        ready.gallery.cams[chosen],
        row[chosen].copy(),
        marks[chosen],
        ranks.astype(np.int64),
    )
