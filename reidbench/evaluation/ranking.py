"""Ranks of each query's matches, without sorting the gallery.

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
from reidbench.evaluation.features import JUNK, UNKNOWN, Floats, Ints, Labels
from reidbench.evaluation.options import Ties

NONE: Ints = np.empty(0, np.int64)
SORT_FROM = 64
"""Matches from which one sort always costs less than one pass of comparisons for each match."""
PASS_COST = 400
"""Entries that one sort orders in the time that one pass takes to start."""


class People:
    """The gallery images of each person, found by label."""

    def __init__(self, gallery: Labels) -> None:
        """Sort the gallery's labels once."""
        self._cams = gallery.cams
        order = np.argsort(gallery.pids, kind="stable").astype(np.int64)
        pids, first = np.unique(gallery.pids[order], return_index=True)
        self._images: dict[int, Ints] = dict(
            zip(pids.tolist(), np.split(order, first[1:]), strict=True)
        )

    def images(self, pid: int) -> Ints:
        """Return the gallery indices of a person's images, ascending."""
        return self._images.get(pid, NONE)

    def matches(self, pid: int, cam: int, *, cross_camera: bool) -> Ints:
        """Return the images that should be found: across cameras, those of other cameras."""
        images = self.images(pid)
        return images[self._cams[images] != cam] if cross_camera else images


def refuse_unknown_cameras(query: Labels, gallery: Labels) -> None:
    """Raise ``ReidbenchError`` if an image has no camera, for what tells cameras apart."""
    lacking = [s for s, v in (("query", query), ("gallery", gallery)) if (v.cams == UNKNOWN).any()]
    if lacking:
        raise ReidbenchError(
            f"{' and '.join(lacking)} images have no camera labels, and a match is an image of the "
            "query's person in another camera; label the cameras, or use no-camera, which does not "
            "look at them, or all-but-self, which leaves out the query's own file alone"
        )


def match_ranks(
    distances: Distances,
    query: Labels,
    gallery: Labels,
    *,
    cross_camera: bool,
    ties: Ties = "stable",
    itself: bool = True,
) -> Iterator[Ints]:
    """Yield, query by query, the ranks of its matches, from 1, ascending; empty if it has none.

    Args:
        distances: ``[Q, G]``.
        query: labels of the Q queries.
        gallery: labels of the G gallery images.
        cross_camera: leave out the query's person as seen by the query's camera.
        ties: the rule for equal distances; see :class:`RankingOptions`.
        itself: keep the gallery images that are the query's own file, if files are known.

    Raises:
        ReidbenchError: if the labels do not fit the distances, or cameras count and are not known.
    """
    check_compatible(distances, query, gallery)
    if cross_camera:
        refuse_unknown_cameras(query, gallery)
    files = None if itself or gallery.files is None else People(Labels(gallery.files, gallery.cams))
    people, junk = People(gallery), np.flatnonzero(gallery.pids == JUNK)
    for start, rows in distances.chunks():
        rows[:, junk] = np.inf
        for i, row in enumerate(rows, start):
            pid, cam = int(query.pids[i]), int(query.cams[i])
            matches = people.matches(pid, cam, cross_camera=cross_camera)
            if files is not None and query.files is not None:
                own = files.images(int(query.files[i]))
                row[own] = np.inf
                matches = np.setdiff1d(matches, own, assume_unique=True)
            yield _ranks(row, people.images(pid), matches, ties)


def check_compatible(distances: Distances, query: Labels, gallery: Labels) -> None:
    """Raise ``ReidbenchError`` unless the labels fit the distances and no query is junk."""
    if distances.shape != (len(query), len(gallery)):
        raise ReidbenchError(
            f"distances {list(distances.shape)} do not fit {len(query)} queries "
            f"and {len(gallery)} gallery images"
        )
    refuse_junk(query)


def refuse_junk(query: Labels) -> None:
    """Raise ``ReidbenchError`` if a query is junk."""
    if (query.pids == JUNK).any():
        raise ReidbenchError(f"query pids hold {JUNK}, which is junk and cannot be looked for")


def _ranks(row: Floats, person: Ints, matches: Ints, ties: Ties) -> Ints:
    if not len(matches):
        return NONE
    near = row[matches]
    order = near.argsort(kind="stable")
    values, positions = near[order], matches[order]
    row[person] = np.inf
    # Nothing behind the last match counts, and most of the gallery is.
    places = (row <= values[-1]).nonzero()[0]
    by_sort = len(values) >= min(SORT_FROM, len(places) / PASS_COST)
    count = _count_sorted if by_sort else _count
    before = count(row[places], values, places.searchsorted(positions), ties)
    return before + np.arange(1, len(values) + 1)


def _count(row: Floats, values: Floats, positions: Ints, ties: Ties) -> Ints:
    """Return, for each match, how many entries of ``row`` stand before it, in one pass each.

    Up to its position an entry at the same distance stands before a match, from there on behind.
    """
    before = np.empty(len(row), np.bool_)
    counts = np.empty(len(values), np.int64)
    for k, (value, position) in enumerate(zip(values, positions, strict=True)):
        cut = {"stable": int(position), "optimistic": 0, "pessimistic": len(row)}[ties]
        np.less_equal(row[:cut], value, out=before[:cut])
        np.less(row[cut:], value, out=before[cut:])
        counts[k] = np.count_nonzero(before)
    return counts


def _count_sorted(row: Floats, values: Floats, positions: Ints, ties: Ties) -> Ints:
    """Return the same as :func:`_count`, by one sort."""
    ordered = np.sort(row)
    nearer, reached = (ordered.searchsorted(values, side) for side in ("left", "right"))
    if ties == "pessimistic":
        return reached
    if ties == "stable":
        for k in (reached > nearer).nonzero()[0]:
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
