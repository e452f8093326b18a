"""The protocol example.

Author et al., "Title", Venue Year. The README tells what departs from the paper.
"""

from __future__ import annotations

from reidbench.evaluation.distance import Distances
from reidbench.evaluation.features import JUNK, Labels
from reidbench.evaluation.options import Ties
from reidbench.evaluation.protocols import Protocol
from reidbench.evaluation.ranking import match_ranks
from reidbench.evaluation.scores import Scores, no_match


class Example(Protocol):
    """Single query over all cameras, or over the others alone.

    Args:
        cross_camera: images of the query's person in its own camera are left out.
    """

    def __init__(self, *, cross_camera: bool = True) -> None:
        self.cross_camera = cross_camera

    def refuse_labels(
        self, query: Labels, gallery: Labels, multi_query: Labels | None = None
    ) -> None:
        """Refuse queries none of which shows a person of the gallery."""
        if not set(query.pids.tolist()) & set(gallery.pids.tolist()):
            raise no_match(len(query))

    def scores(
        self, distances: Distances, query: Labels, gallery: Labels, *, ties: Ties = "stable"
    ) -> Scores:
        """Score every query by the ranks of all its matches."""
        ranks = match_ranks(distances, query, gallery, cross_camera=self.cross_camera, ties=ties)
        images = int((gallery.pids != JUNK).sum())
        return Scores.from_ranks(query.pids, list(ranks), images, ties)
