"""Average query expansion (Chum et al., "Total Recall", ICCV 2007, section 4.1)."""

from __future__ import annotations

import numpy as np

from reidbench.evaluation.centring import centred
from reidbench.evaluation.distance import Distances, Doubles, Rows, unit
from reidbench.evaluation.features import Floats
from reidbench.evaluation.ranking import nearest


def expanded(
    query: Rows,
    gallery: Floats,
    distances: Distances,
    k: int,
    *,
    unit_length: bool,
    origin: Doubles | None = None,
) -> Floats:
    """Return new queries ``[Q, D]``: the mean of each query and its ``k`` nearest gallery features.

    No label is looked at, so images of the query's own camera are averaged in like any other.
    The gallery is left as it is, and all weigh the same (fast-reid expands both, and weighs).

    Args:
        query: ``[Q, D]`` float32.
        gallery: ``[G, D]`` float32; all of it is averaged in if it is smaller than ``k``.
        distances: ``[Q, G]`` between them.
        k: number of neighbours.
        unit_length: scale the means to unit length.
        origin: ``[D]`` the vector that was subtracted from all features, if one was; it is from
            the means too.
    """
    out = np.empty((len(query), gallery.shape[1]), np.float32)
    for start, rows in distances.chunks():
        for i, row in enumerate(rows, start):
            neighbours = gallery[nearest(row, k)]
            out[i] = (query[i] + neighbours.sum(axis=0)) / (1 + len(neighbours))
    if not unit_length:
        return out
    if origin is None:
        return unit(out)
    return centred(out, origin, unit_length=True, lacking=origin, out=out)
