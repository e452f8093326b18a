"""Evaluation protocols: the queries, the gallery, and the matches that count."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation.distance import Distances, unit
from reidbench.evaluation.features import DISTRACTOR, JUNK, Features, Floats, Labels
from reidbench.evaluation.options import Ties
from reidbench.evaluation.ranking import (
    People,
    match_ranks,
    refuse_junk,
    refuse_unknown_cameras,
)
from reidbench.evaluation.scores import Scores, no_match


class Protocol(ABC):
    """Turns distances and labels into scores. Raise ``version`` whenever its numbers change.

    Attributes:
        pools_queries: True if it pools several images of a person into one query, and takes
            further images of the queries' persons.
        across_cameras: whether images of the query's person in the query's camera are left out;
            None if a query has no one ranking of the whole gallery.
        reads_files: True if it must know which gallery images are a query's own file.
    """

    version: ClassVar[int] = 1
    reads_files: ClassVar[bool] = False
    pools_queries: ClassVar[bool] = False
    across_cameras: ClassVar[bool | None] = None

    def queries(
        self, query: Features, multi_query: Features | None, *, unit_length: bool
    ) -> Features:
        """Return the features to search for; by default those of each query image.

        Args:
            query: the query images, features already of unit length if they shall be.
            multi_query: further images of the queries' persons, as they were given.
            unit_length: whether features count at unit length.
        """
        if multi_query is not None:
            raise UsageError(
                f"{type(self).__name__} has no use for further images of the queries' persons; "
                "leave them out, or evaluate by multi-query"
            )
        return query

    def refuse_labels(
        self, query: Labels, gallery: Labels, multi_query: Labels | None = None
    ) -> None:
        """Raise ``ReidbenchError`` if labels alone show that nothing can be scored.

        It is asked before anything is computed; by default everything may be scored.
        """
        return

    @abstractmethod
    def scores(
        self, distances: Distances, query: Labels, gallery: Labels, *, ties: Ties = "stable"
    ) -> Scores:
        """Return the scores of ``distances`` ``[Q, G]``.

        Args:
            distances: between the queries and the gallery.
            query: labels of the Q queries.
            gallery: labels of the G gallery images.
            ties: how equal distances rank; see :class:`RankingOptions`.

        Raises:
            ReidbenchError: if labels do not fit, or no query has a match.
        """


class Market1501(Protocol):
    """Single query across cameras (Zheng et al., "Scalable Person Re-identification", ICCV 2015).

    Junk (pid -1, and the query's person in the query's camera) is left out; distractors stay.
    """

    across_cameras: ClassVar[bool | None] = True

    def refuse_labels(
        self, query: Labels, gallery: Labels, multi_query: Labels | None = None
    ) -> None:
        """Refuse junk queries, and queries none of which has a match in another camera."""
        refuse_unmatched(query, gallery, cross_camera=True)

    def scores(
        self, distances: Distances, query: Labels, gallery: Labels, *, ties: Ties = "stable"
    ) -> Scores:
        """Score every query by all its matches in other cameras."""
        ranks = match_ranks(distances, query, gallery, cross_camera=True, ties=ties)
        images = int((gallery.pids != JUNK).sum())
        return Scores.from_ranks(query.pids, list(ranks), images, ties)


class MultiQuery(Market1501):
    """One query a person and camera: the mean feature of all its images (Zheng et al., section 5).

    In Market-1501 the images are the boxes of ``gt_bbox``, which shows training persons too: only
    those that share a query's person and camera count. Without further images those of the query
    set are pooled.
    """

    pools_queries: ClassVar[bool] = True

    def refuse_labels(
        self, query: Labels, gallery: Labels, multi_query: Labels | None = None
    ) -> None:
        """Refuse queries without a match, or without a further image."""
        super().refuse_labels(query, gallery)
        _rows_by_query(query, query if multi_query is None else multi_query)

    def queries(
        self, query: Features, multi_query: Features | None, *, unit_length: bool
    ) -> Features:
        """Pool the images of each (person, camera) of the queries, in order of appearance.

        Raises:
            ReidbenchError: if a query has no further image.
        """
        pooled = query if multi_query is None else multi_query
        rows = _rows_by_query(query, pooled)
        means = np.concatenate([_mean(pooled.features[r], unit_length) for r in rows.values()])
        pids, cams = np.array(list(rows), np.int64).T
        return Features(means, pids, cams)


class NoCamera(Protocol):
    """Single query, cameras not looked at: every gallery image of the query's person is a match.

    Junk (pid -1) is left out; distractors stay.
    """

    across_cameras: ClassVar[bool | None] = False

    def refuse_labels(
        self, query: Labels, gallery: Labels, multi_query: Labels | None = None
    ) -> None:
        """Refuse junk queries, and queries none of which has a match."""
        refuse_unmatched(query, gallery, cross_camera=False)

    def scores(
        self, distances: Distances, query: Labels, gallery: Labels, *, ties: Ties = "stable"
    ) -> Scores:
        """Score every query by all images of its person."""
        keep = not self.reads_files
        ranks = match_ranks(distances, query, gallery, cross_camera=False, ties=ties, itself=keep)
        images = int((gallery.pids != JUNK).sum())
        return Scores.from_ranks(query.pids, list(ranks), images, ties)


class AllButSelf(NoCamera):
    """Single query among all other images: as ``NoCamera``, but its own file is left out.

    Two images are one file by content in a run, and by name in files of features.
    """

    reads_files: ClassVar[bool] = True
    across_cameras: ClassVar[bool | None] = None

    def scores(
        self, distances: Distances, query: Labels, gallery: Labels, *, ties: Ties = "stable"
    ) -> Scores:
        """Score every query by all other images of its person.

        Raises:
            ReidbenchError: if it is not known which file each image is.
        """
        if query.files is None or gallery.files is None:
            raise ReidbenchError(
                "all-but-self leaves the query's own file out of the gallery, and the files of the "
                "images are not known: add 'query_names' and 'gallery_names', or give one set as "
                "query and gallery; where no query is in the gallery, use no-camera"
            )
        return super().scores(distances, query, gallery, ties=ties)


class SingleShot(Protocol):
    """One gallery image a person, as in VIPeR, PRID 2011 and GRID; cameras are not looked at.

    Average precision is then 1 / rank. Repeated splits are the dataset's; see :class:`Trials`.
    """

    across_cameras: ClassVar[bool | None] = False

    def refuse_labels(
        self, query: Labels, gallery: Labels, multi_query: Labels | None = None
    ) -> None:
        """Refuse queries without a match, and a gallery that shows a person twice."""
        _refuse_shots(query, gallery)
        refuse_unmatched(query, gallery, cross_camera=False)

    def scores(
        self, distances: Distances, query: Labels, gallery: Labels, *, ties: Ties = "stable"
    ) -> Scores:
        """Score every query by its one match; refuse a gallery that shows a person twice."""
        _refuse_shots(query, gallery)
        ranks = match_ranks(distances, query, gallery, cross_camera=False, ties=ties)
        images = int((gallery.pids != JUNK).sum())
        return Scores.from_ranks(query.pids, list(ranks), images, ties)


def refuse_unmatched(query: Labels, gallery: Labels, *, cross_camera: bool) -> None:
    """Raise ``ReidbenchError`` if a query is junk, or none has a match."""
    refuse_junk(query)
    if cross_camera:
        refuse_unknown_cameras(query, gallery)
    people = People(gallery)
    pairs = zip(query.pids.tolist(), query.cams.tolist(), strict=True)
    if any(len(people.matches(p, c, cross_camera=cross_camera)) for p, c in set(pairs)):
        return
    cameras = np.unique(np.concatenate([query.cams, gallery.cams]))
    if cross_camera and len(cameras) == 1:
        raise ReidbenchError(
            f"all {len(query)} queries and all gallery images are of one camera, and a match is "
            "an image of the query's person in another; label the cameras, or use no-camera"
        )
    raise no_match(len(query))


def _refuse_shots(query: Labels, gallery: Labels) -> None:
    persons, shots = np.unique(gallery.pids[~nobody_of(query, gallery)], return_counts=True)
    if (shots > 1).any():
        raise ReidbenchError(
            f"single-shot needs one gallery image a person, but person "
            f"{persons[shots.argmax()]} has {shots.max()}; "
            "use market1501, or single-gallery-shot, which draws one"
        )


def nobody_of(query: Labels, gallery: Labels) -> NDArray[np.bool_]:
    """Return the mask of junk and distractors in the gallery: pid 0, unless a query has pid 0."""
    distractor = (gallery.pids == DISTRACTOR) & (DISTRACTOR not in query.pids)
    nobody: NDArray[np.bool_] = distractor | (gallery.pids == JUNK)
    return nobody


def _rows_by_query(
    query: Features | Labels, pooled: Features | Labels
) -> dict[tuple[int, int], list[int]]:
    """Return the rows of ``pooled`` that show each (person, camera) of the queries."""
    rows: dict[tuple[int, int], list[int]] = {}
    for pid, cam in zip(query.pids.tolist(), query.cams.tolist(), strict=True):
        rows[pid, cam] = []
    for i, pair in enumerate(zip(pooled.pids.tolist(), pooled.cams.tolist(), strict=True)):
        if pair in rows:
            rows[pair].append(i)
    missing = [pair for pair, found in rows.items() if not found]
    if missing:
        raise ReidbenchError(
            f"multi_query lacks {len(missing)} of {len(rows)} queried persons and cameras, "
            f"first person {missing[0][0]} in camera {missing[0][1]}"
        )
    return rows


def _mean(features: Floats, unit_length: bool) -> Floats:
    # Indexing by a list copied the rows, so that they may be scaled in place.
    mean: Floats = (unit(features) if unit_length else features).mean(axis=0, keepdims=True)
    return unit(mean) if unit_length else mean
