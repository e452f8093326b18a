"""Agreement of person masks: intersection over union."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Masks = NDArray[np.uint8]

LEVEL = 128
"""From here on a value of 0..255 is on the person; it is the first above one half."""
_ROWS = 1024  # masks that are compared at a time, to save memory


@dataclass(frozen=True)
class Overlap:
    """Intersection over union of two sets of masks.

    Attributes:
        mean: over the images, of each image's own.
        pooled: IoU over the pixels of all images together, so that larger persons count for more.
        images: number of images.
    """

    mean: float
    pooled: float
    images: int

    def to_dict(self) -> dict[str, float | int]:
        """Return the values ready for JSON."""
        return dict(vars(self))


def overlap(first: Masks, second: Masks) -> Overlap:
    """Return the agreement of masks with reference masks of the same images.

    Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2015, section 4.2 (its
    measure is the pooled one). Two empty masks agree: 1.

    Args:
        first: ``[N, H, W]`` in 0..255, on the person from 128 on.
        second: the same of the other set.

    Raises:
        ValueError: if there is no mask, or the shapes differ.
    """
    if first.shape != second.shape or not len(first):
        raise ValueError(f"masks of shapes {first.shape} and {second.shape} cannot be compared")
    counts = np.concatenate(
        [_counts(first[i : i + _ROWS], second[i : i + _ROWS]) for i in range(0, len(first), _ROWS)]
    )
    both, either = counts.T
    pooled = _share(both.sum(keepdims=True), either.sum(keepdims=True))
    return Overlap(float(_share(both, either).mean()), float(pooled[0]), len(first))


def _counts(first: Masks, second: Masks) -> NDArray[np.int64]:
    """Return ``[N, 2]``: the pixels that both masks have, and that either has."""
    one, other = first >= LEVEL, second >= LEVEL
    both, either = (m.sum((1, 2), dtype=np.int64) for m in (one & other, one | other))
    return np.stack([both, either], 1)


def _share(both: NDArray[np.int64], either: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(both, either, out=np.ones(len(both)), where=either > 0)
