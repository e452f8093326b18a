"""Galleries of one image a person, drawn anew in each repeat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import UsageError
from reidbench.evaluation.distance import Distances
from reidbench.evaluation.features import JUNK, Floats, Ints, Labels
from reidbench.evaluation.options import Ties
from reidbench.evaluation.protocols import Protocol, nobody_of, refuse_unmatched
from reidbench.evaluation.ranking import People, check_compatible, refuse_unknown_cameras
from reidbench.evaluation.scores import Scores


class SingleGalleryShot(Protocol):
    """One gallery image a person, drawn anew in each repeat (CUHK03; Li et al., CVPR 2014).

    The drawn image of the query's own person comes from another camera. Distractors, being
    different people, all stay. Every measure is of the drawn galleries, mAP too (some released
    code draws for the CMC curve only); queries are counted once a repeat.

    Args:
        repeats: number of galleries that are drawn.
        seed: of the draws, which depend on it and the labels alone.
        other_cameras: draw everybody from other cameras than the query's, as CUHK03's first
            protocol has it and open-reid's ``separate_camera_set``. If not, only the query's own
            person is.
    """

    omitted_from_key_at_default: ClassVar[frozenset[str]] = frozenset({"other_cameras"})

    def __init__(self, *, repeats: int = 10, seed: int = 0, other_cameras: bool = False) -> None:
        """Refuse less than one gallery."""
        if repeats < 1:
            raise UsageError(f"repeats must be at least 1, not {repeats}")
        self.repeats, self.seed, self.other_cameras = repeats, seed, other_cameras

    def refuse_labels(
        self, query: Labels, gallery: Labels, multi_query: Labels | None = None
    ) -> None:
        """Refuse junk queries, and queries none of which has a match in another camera."""
        refuse_unmatched(query, gallery, cross_camera=True)

    def scores(
        self, distances: Distances, query: Labels, gallery: Labels, *, ties: Ties = "stable"
    ) -> Scores:
        """Score all repeats; the scores hold the queries of the first, then of the second."""
        check_compatible(distances, query, gallery)
        refuse_unknown_cameras(query, gallery)
        groups, rng = self._groups(query, gallery), np.random.default_rng(self.seed)
        nobody = nobody_of(query, gallery)
        drawn = [(who, *self._draw(rng, query[who], seen, nobody)) for who, seen in groups]
        ranks = np.zeros((self.repeats, len(query)), np.int64)
        for start, rows in distances.chunks():
            for who, draws, matches, own in drawn:
                mine = (who >= start) & (who < start + len(rows))
                near = rows[who[mine] - start] if len(drawn) > 1 else rows
                for r in range(self.repeats):
                    ranks[r, who[mine]] = _drawn_ranks(
                        near, draws[r], matches[r, mine], own[mine], ties
                    )
        found = [rank[rank > 0] for rank in ranks.reshape(-1, 1)]
        images = max(draws.shape[1] for _, draws, _, _ in drawn)
        return Scores.from_ranks(np.tile(query.pids, self.repeats), found, images, ties)

    def _groups(self, query: Labels, gallery: Labels) -> list[tuple[Ints, Labels]]:
        """Return the queries of each group, and what of the gallery they are drawn from.

        What is not drawn from is junk there.
        """
        if not self.other_cameras:
            return [(np.arange(len(query)), gallery)]
        return [
            (
                np.flatnonzero(query.cams == cam),
                Labels(np.where(gallery.cams == cam, JUNK, gallery.pids), gallery.cams),
            )
            for cam in np.unique(query.cams)
        ]

    def _draw(
        self, rng: np.random.Generator, query: Labels, gallery: Labels, nobody: NDArray[np.bool_]
    ) -> tuple[Ints, Ints, Ints]:
        """Return the galleries ``[R, P]``, matches ``[R, Q]`` (-1: none), own columns ``[Q]``."""
        people = People(gallery)
        nobody = nobody | (gallery.pids == JUNK)
        persons = np.unique(gallery.pids[~nobody])
        drawn = [self._pick(rng, people.images(int(p))) for p in persons]
        extras = np.flatnonzero(nobody & (gallery.pids != JUNK))
        fixed = np.broadcast_to(extras, (self.repeats, len(extras)))
        matches = [
            self._pick(rng, people.matches(int(p), int(c), cross_camera=True))
            for p, c in zip(query.pids, query.cams, strict=True)
        ]
        own = np.where(np.isin(query.pids, persons), np.searchsorted(persons, query.pids), -1)
        return np.column_stack([*drawn, fixed]), np.column_stack(matches), own

    def _pick(self, rng: np.random.Generator, images: Ints) -> Ints:
        if not len(images):
            return np.full(self.repeats, -1)
        return rng.choice(images, self.repeats)


def _drawn_ranks(rows: Floats, drawn: Ints, matches: Ints, own: Ints, ties: Ties) -> Ints:
    """Return the rank of each row's match among the other persons' drawn images; 0 without one."""
    value = rows[np.arange(len(rows)), matches][:, None]
    others = rows[:, drawn]
    before = others < value
    if ties != "optimistic":
        before |= (others == value) & ((ties == "pessimistic") | (drawn < matches[:, None]))
    known = own >= 0
    before[known, own[known]] = False
    return np.where(matches >= 0, before.sum(axis=1) + 1, 0)
