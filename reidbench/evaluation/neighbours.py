"""The nearest images of every image, from the distance of each pair computed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reidbench.evaluation.distance import Pairwise
from reidbench.evaluation.features import Floats, Ints
from reidbench.evaluation.ranking import nearest


@dataclass(frozen=True)
class Neighbours:
    """The nearest images of each of N images.

    Attributes:
        lists: ``[N, k]`` int64, nearest first, ties by index; an image is usually its own nearest.
        farthest: ``[N]`` float32 largest distance of each.
    """

    lists: Ints
    farthest: Floats


def neighbours(joint: Pairwise, k: int) -> Neighbours:
    """Return the ``k`` nearest (or all, if there are fewer) by symmetric distances ``[N, N]``.

    A chunk holds the distances of its images to themselves and to all later ones, which serve
    both: a later image keeps the nearest that it has met so far until its own chunk comes.
    """
    images = joint.shape[0]
    k = min(k, images)
    near, lists = np.full((images, k), np.inf, np.float32), np.zeros((images, k), np.int64)
    farthest = np.zeros(images, np.float32)
    for start, rows in joint.triangle():
        end = start + len(rows)
        for i, row in enumerate(rows, start):
            lists[i] = _completed(near[i], lists[i], row, start)
        np.maximum(farthest[start:end], rows.max(axis=1), out=farthest[start:end])
        np.maximum(farthest[start:], rows.max(axis=0), out=farthest[start:])
        if end < images:
            _meet(near[end:], lists[end:], rows[:, len(rows) :], start)
    # Where all images are equal nothing is far: dividing by infinity leaves 0.
    return Neighbours(lists, np.where(farthest > 0, farthest, np.float32(np.inf)))


def _completed(near: Floats, names: Ints, row: Floats, start: int) -> Ints:
    """Return the nearest among those met before and those of ``row``, the images from ``start``."""
    best = nearest(np.concatenate([near, row]), len(near))
    return np.where(best < len(near), names.take(best, mode="clip"), best - len(near) + start)


def _meet(near: Floats, lists: Ints, block: Floats, start: int) -> None:
    """Update the nearest ``[M, k]`` of M images by their distances ``[rows, M]`` to ``start``, ...

    At equal distances those met before stay, being of lower index.
    """
    k = near.shape[1]
    if start == 0:
        for i, row in enumerate(np.ascontiguousarray(block.T)):
            best = nearest(row, k)
            near[i, : len(best)], lists[i, : len(best)] = row[best], best
        return
    image, column = (block < near[:, -1]).nonzero()
    order = column.argsort(kind="stable")
    image, column = image[order], column[order]
    met, first, counts = np.unique(column, return_index=True, return_counts=True)
    if not len(met):
        return
    values = np.full((len(met), k + counts.max()), np.inf, np.float32)
    names = np.zeros(values.shape, np.int64)
    values[:, :k], names[:, :k] = near[met], lists[met]
    place = (
        np.repeat(np.arange(len(met)), counts),
        k + np.arange(len(column)) - first.repeat(counts),
    )
    values[place], names[place] = block[image, column], start + image
    order = values.argsort(axis=1, kind="stable")[:, :k]
    near[met] = np.take_along_axis(values, order, axis=1)
    lists[met] = np.take_along_axis(names, order, axis=1)
