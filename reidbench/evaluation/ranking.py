"""Where the matches of each query stand in its ranking, without sorting the gallery.

A match's rank is 1 + the matches before it + the other gallery images nearer than it, and the
last number is a count over one row of distances. Left out of every ranking are junk images
(pid -1) and, across cameras, images of the query's person in the query's camera. Distractors
(pid 0) stay.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reidbench.errors import ReidbenchError
from reidbench.evaluation.distance import Distances
from reidbench.evaluation.features import JUNK, Floats, Ints, Labels
from reidbench.evaluation.options import Ties

SORT_FROM = 64
"""Matches from which sorting the row costs less than one pass over it for each match."""


class People:
    """The gallery images of each person, found by label."""

    def __init__(self, gallery: Labels) -> None:
        """Sort the gallery's labels once."""
        self._cams = gallery.cams
        self._order = np.argsort(gallery.pids, kind="stable").astype(np.int64)
        self._pids = gallery.pids[self._order]

    def images(self, pid: int) -> Ints:
        """Return the gallery indices of a person's images, ascending."""
        first, end = np.searchsorted(self._pids, [pid, pid + 1])
        return self._order[first:end]

    def matches(self, pid: int, cam: int, *, cross_camera: bool) -> Ints:
        """Return the images that should be found: across cameras, those of other cameras."""
        images = self.images(pid)
        return images[self._cams[images] != cam] if cross_camera else images


def match_ranks(
    distances: Distances,
    query: Labels,
    gallery: Labels,
    *,
    cross_camera: bool,
    ties: Ties = "stable",
) -> Iterator[Ints]:
    """Yield, query by query, the ranks of its matches, from 1, ascending; empty if it has none.

    Args:
        distances: ``[Q, G]``.
        query: labels of the Q queries.
        gallery: labels of the G gallery images.
        cross_camera: leave out the query's person as seen by the query's camera.
        ties: the rule for equal distances; see :class:`RankingOptions`.

    Raises:
        ReidbenchError: if the labels do not fit the distances.
    """
    check_fit(distances, query, gallery)
    people, junk = People(gallery), np.flatnonzero(gallery.pids == JUNK)
    for start, rows in distances.chunks():
        rows[:, junk] = np.inf
        for i, row in enumerate(rows, start):
            pid, cam = int(query.pids[i]), int(query.cams[i])
            matches = people.matches(pid, cam, cross_camera=cross_camera)
            yield _ranks(row, people.images(pid), matches, ties)


def check_fit(distances: Distances, query: Labels, gallery: Labels) -> None:
    """Raise ``ReidbenchError`` unless the labels fit the distances and no query is junk."""
    if distances.shape != (len(query), len(gallery)):
        raise ReidbenchError(
            f"distances {list(distances.shape)} do not fit {len(query)} queries "
            f"and {len(gallery)} gallery images"
        )
    if (query.pids == JUNK).any():
        raise ReidbenchError(f"query pids hold {JUNK}, which is junk and cannot be looked for")


def _ranks(row: Floats, person: Ints, matches: Ints, ties: Ties) -> Ints:
    near = row[matches]
    order = np.argsort(near, kind="stable")
    row[person] = np.inf
    count = _count_sorted if len(matches) >= SORT_FROM else _count
    return count(row, near[order], matches[order], ties) + np.arange(1, len(matches) + 1)


def _count(row: Floats, values: Floats, positions: Ints, ties: Ties) -> Ints:
    """Return, for each match, how many entries of ``row`` stand before it, in one pass each."""
    before = np.empty(len(row), np.bool_)
    counts = np.empty(len(values), np.int64)
    for k, (value, position) in enumerate(zip(values, positions, strict=True)):
        # Up to here an image at the same distance stands before the match, from here on behind.
        cut = {"stable": int(position), "optimistic": 0, "pessimistic": len(row)}[ties]
        np.less_equal(row[:cut], value, out=before[:cut])
        np.less(row[cut:], value, out=before[cut:])
        counts[k] = np.count_nonzero(before)
    return counts


def _count_sorted(row: Floats, values: Floats, positions: Ints, ties: Ties) -> Ints:
    """Return what :func:`_count` does, by one sort."""
    ordered = np.sort(row)
    nearer = np.searchsorted(ordered, values, side="left").astype(np.int64)
    reached = np.searchsorted(ordered, values, side="right").astype(np.int64)
    if ties == "pessimistic":
        return reached
    if ties == "stable":
        for k in np.flatnonzero(reached > nearer):
            nearer[k] += np.count_nonzero(row[: positions[k]] == values[k])
    return nearer


def nearest(row: Floats, k: int) -> Ints:
    """Return the ``k`` nearest of ``row`` ``[G]``, nearest first, ties by index.

    The k-th smallest of a part bounds the k-th smallest of the whole, so that a pass of
    comparisons leaves few candidates to sort.
    """
    part = row[:: max(1, len(row) // (64 * k))]
    bound = np.partition(part, k - 1)[k - 1] if k <= len(part) else np.inf
    candidates = np.flatnonzero(row <= bound)
    return candidates[np.argsort(row[candidates], kind="stable")[:k]]
