"""Rendered images as the cameras of another domain see them: the truth of a translation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reidbench.data.dataset import TRUTH_PARTS, Dataset, Samples, Split

Rows = NDArray[np.int64]


class Seen(Dataset):
    """Images of one split of a rendered dataset, each drawn as some camera of another sees it.

    Labels are those of the images: the persons', and the cameras that they were taken by.
    """

    synthetic = True
    has_masks = True

    def __init__(
        self,
        dataset: Dataset,
        other: Dataset,
        split: Split,
        rows: Rows,
        cameras: Rows,
        parts: Sequence[str] = TRUTH_PARTS,
    ) -> None:
        """Draw nothing yet.

        Args:
            dataset: whose images are drawn; it knows the truth.
            other: whose cameras look; it knows the truth as well.
            split: of the dataset.
            rows: ``[N]`` images of the split, in any order and as often as wanted.
            cameras: ``[N]`` camera of the other dataset that looks at each.
            parts: in what that camera's picture is drawn; see ``Dataset.as_seen_by``.
        """
        self._dataset, self._other, self._split = dataset, other, split
        self._rows, self._seen_by, self._parts = rows, cameras, tuple(parts)

    def samples(self, split: Split) -> Samples:
        """Return the images that were chosen; the split is theirs."""
        samples = self._dataset.samples(self._split)
        names = tuple(samples.names[row] for row in self._rows.tolist())
        return Samples(names, samples.pids[self._rows], samples.cams[self._rows])

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one image, as its camera of the other dataset sees it."""
        row, camera = int(self._rows[index]), int(self._seen_by[index])
        return self._dataset.as_seen_by(
            self._other, self._split, row, camera=camera, parts=self._parts
        )

    def read_mask(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return its mask."""
        row, camera = int(self._rows[index]), int(self._seen_by[index])
        return self._dataset.mask_as_seen_by(
            self._other, self._split, row, camera=camera, parts=self._parts
        )

    def fingerprint(self) -> str:
        """Refuse: what draws these images tells what decides them."""
        raise NotImplementedError

    def check(self) -> list[str]:
        """Return nothing: there are no files that could be wrong."""
        return []


def training_cameras(dataset: Dataset) -> Rows:
    """Return the cameras that training images are of, in order."""
    cameras: Rows = np.unique(dataset.samples("train").cams)
    return cameras
