"""Several datasets as one: their persons and their cameras are kept apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reidbench.data.dataset import DISTRACTOR, SPLITS, UNKNOWN, Dataset, Samples, Split
from reidbench.storage.keys import digest

JOIN = "+"
"""Stands between the names of datasets that are taken as one."""


class Several(Dataset):
    """The images of several datasets, one dataset after another in each split.

    Persons of each count on from those before, and so do cameras; junk and distractors stay. The
    numbers are of the joined dataset alone: ``refuse_shared_persons`` looks at each part's own.

    Args:
        names: of the datasets.
        datasets: at least two, none of whose persons are in two of them.
    """

    def __init__(self, names: Sequence[str], datasets: Sequence[Dataset]) -> None:
        self.names, self.datasets = tuple(names), tuple(datasets)
        self.synthetic = any(d.synthetic for d in datasets)  # type: ignore[misc]
        self._persons = _offsets([_highest(d, "pids") for d in datasets])
        self._cameras = _offsets([_highest(d, "cams") + 1 for d in datasets])

    @property
    def has_masks(self) -> bool:
        """True if all have masks."""
        return all(d.has_masks for d in self.datasets)

    @property
    def population(self) -> str:
        """Name of the people of all, whom no dataset alone numbers so."""
        return JOIN.join(d.population for d in self.datasets)

    @property
    def division(self) -> str:
        """Origins of the divisions."""
        return JOIN.join(d.division for d in self.datasets)

    @property
    def trains_on_test(self) -> bool:
        """True if any trains on test images."""
        return any(d.trains_on_test for d in self.datasets)

    def samples(self, split: Split) -> Samples:
        """Return the images of all."""
        parts = [d.samples(split) for d in self.datasets]
        shifts = zip(parts, self._persons, self._cameras, strict=True)
        labels = [
            (
                np.where(part.pids > DISTRACTOR, part.pids + persons, part.pids),
                np.where(part.cams > UNKNOWN, part.cams + cameras, part.cams),
            )
            for part, persons, cameras in shifts
        ]
        pids, cams = (np.concatenate(column) for column in zip(*labels, strict=True))
        named = zip(self.names, parts, strict=True)
        return Samples([f"{n}/{image}" for n, part in named for image in part.names], pids, cams)

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one image of the dataset that holds it."""
        dataset, row = self._place(split, index)
        return dataset.read(split, row)

    def read_mask(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return its mask."""
        dataset, row = self._place(split, index)
        return dataset.read_mask(split, row)

    def fingerprint(self) -> str:
        """Return a digest of all, in their order."""
        told = zip(self.names, self.datasets, strict=True)
        return digest([[name, d.version, d.fingerprint()] for name, d in told])

    def check(self) -> list[str]:
        """Return the problems of each copy."""
        told = zip(self.names, self.datasets, strict=True)
        return [f"{name}: {problem}" for name, d in told for problem in d.check()]

    def _place(self, split: Split, index: int) -> tuple[Dataset, int]:
        """Return the dataset that holds an image, and its place there."""
        for dataset in self.datasets:
            count = len(dataset.samples(split))
            if index < count:
                return dataset, index
            index -= count
        raise IndexError(f"{split} has no image of that number")


def _highest(dataset: Dataset, labels: str) -> int:
    return max(int(getattr(dataset.samples(s), labels).max(initial=0)) for s in SPLITS)


def _offsets(counts: Sequence[int]) -> list[int]:
    return [sum(counts[:i]) for i in range(len(counts))]
