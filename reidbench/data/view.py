"""Views of a dataset: some of its images, as a dataset."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.dataset import TRUTH_PARTS, Counts, Dataset, Samples, Split


class View(Dataset):
    """A dataset with some of another's images; everything else is as the other has it."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._kept: dict[Split, NDArray[np.int64]] = {}
        # These are the class's, so that asking for them would not reach __getattr__.
        for name in Dataset.__annotations__:
            vars(self)[name] = getattr(dataset, name)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute that only this kind of dataset has."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._dataset, name)

    @property
    def has_masks(self) -> bool:
        """True if the dataset has masks."""
        return self._dataset.has_masks

    @property
    def has_truth(self) -> bool:
        """Tell whether the dataset knows how others see its images."""
        return self._dataset.has_truth

    @property
    def has_multi_query(self) -> bool:
        """True if the dataset has the split multi_query."""
        return self._dataset.has_multi_query

    @property
    def population(self) -> str:
        """Name of the people, as the dataset has it."""
        return self._dataset.population

    @property
    def division(self) -> str:
        """Origin of the division, as the dataset has it."""
        return self._dataset.division

    @property
    def trains_on_test(self) -> bool:
        """True if the dataset trains on test images."""
        return self._dataset.trains_on_test

    def published(self) -> Mapping[Split, Counts]:
        """Return the counts of the whole dataset."""
        return self._dataset.published()

    def samples(self, split: Split) -> Samples:
        """Return the images of a split that stay."""
        samples, kept = self._dataset.samples(split), self._rows(split)
        names = tuple(samples.names[row] for row in kept.tolist())
        return Samples(names, samples.pids[kept], samples.cams[kept])

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one of the images that stay."""
        return self._dataset.read(split, int(self._rows(split)[index]))

    def read_mask(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one mask of the images that stay."""
        return self._dataset.read_mask(split, int(self._rows(split)[index]))

    def as_seen_by(
        self,
        other: Dataset,
        split: Split,
        index: int,
        *,
        camera: int,
        parts: Sequence[str] = TRUTH_PARTS,
    ) -> NDArray[np.uint8]:
        """Return one image of those that are kept, as a camera of another dataset sees it."""
        row = int(self._rows(split)[index])
        return self._dataset.as_seen_by(other, split, row, camera=camera, parts=parts)

    def mask_as_seen_by(
        self,
        other: Dataset,
        split: Split,
        index: int,
        *,
        camera: int,
        parts: Sequence[str] = TRUTH_PARTS,
    ) -> NDArray[np.uint8]:
        """Return the mask of ``as_seen_by``."""
        row = int(self._rows(split)[index])
        return self._dataset.mask_as_seen_by(other, split, row, camera=camera, parts=parts)

    def check(self) -> list[str]:
        """Return the problems of the whole copy."""
        return self._dataset.check()

    def remarks(self) -> list[str]:
        """Return the remarks on the whole dataset."""
        return self._dataset.remarks()

    @abstractmethod
    def keep(self, split: Split) -> NDArray[np.bool_]:
        """Return the mask of a split's images that stay, ``[N]``; called once a split."""

    def _rows(self, split: Split) -> NDArray[np.int64]:
        if split not in self._kept:
            self._kept[split] = np.flatnonzero(self.keep(split))
        return self._kept[split]
