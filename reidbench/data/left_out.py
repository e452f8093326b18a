"""A dataset without its corrupt images, by choice."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import __version__ as pillow

from reidbench.data.dataset import SPLITS, Counts, Dataset, Samples, Split
from reidbench.data.fingerprints import files_digest, recall, remember
from reidbench.data.folders import FolderDataset
from reidbench.errors import ReidbenchError
from reidbench.keys import JSON, digest
from reidbench.progress import Progress, silent

SHOW_EVERY = 64  # images


class Without(Dataset):
    """A view of a dataset that lacks the images of some names; the rest is as it was."""

    def __init__(self, dataset: Dataset, names: Iterable[str]) -> None:
        self._dataset, self._names = dataset, frozenset(names)
        self._kept: dict[Split, NDArray[np.int64]] = {}
        # These are the class's, so that asking for them would not reach __getattr__.
        for name in Dataset.__annotations__:
            vars(self)[name] = getattr(dataset, name)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a worker as the dataset and the names."""
        return _view, (self._dataset, tuple(sorted(self._names)))

    def __getattr__(self, name: str) -> Any:
        """Return what only this kind of dataset has."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._dataset, name)

    @property
    def has_masks(self) -> bool:
        """Whether the dataset has masks."""
        return self._dataset.has_masks

    @property
    def has_boxes(self) -> bool:
        """Whether the dataset has boxes."""
        return self._dataset.has_boxes

    @property
    def population(self) -> str:
        """The dataset's."""
        return self._dataset.population

    @property
    def division(self) -> str:
        """The dataset's."""
        return self._dataset.division

    @property
    def trains_on_test(self) -> bool:
        """Whether the dataset does."""
        return self._dataset.trains_on_test

    def published(self) -> Mapping[Split, Counts]:
        """Return the counts of the whole dataset."""
        return self._dataset.published()

    def samples(self, split: Split) -> Samples:
        """Return the images of a split that are left."""
        samples, kept = self._dataset.samples(split), self._rows(split)
        names = tuple(samples.names[row] for row in kept.tolist())
        return Samples(names, samples.pids[kept], samples.cams[kept])

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one image of those that are left."""
        return self._dataset.read(split, int(self._rows(split)[index]))

    def read_mask(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one mask of those that are left."""
        return self._dataset.read_mask(split, int(self._rows(split)[index]))

    def fingerprint(self) -> str:
        """Return the dataset's if none of its images is left out, and another if any is."""
        return self._marked(self._dataset.fingerprint(), SPLITS)

    def boxes_fingerprint(self) -> str:
        """Return the same of the boxes."""
        return self._marked(self._dataset.boxes_fingerprint(), ("boxes",))

    def check(self) -> list[str]:
        """Return what is wrong with the whole copy."""
        return self._dataset.check()

    def remarks(self) -> list[str]:
        """Return what is remarkable about the whole dataset."""
        return self._dataset.remarks()

    def _rows(self, split: Split) -> NDArray[np.int64]:
        if split not in self._kept:
            names = self._dataset.samples(split).names
            kept = [row for row, name in enumerate(names) if name not in self._names]
            self._kept[split] = np.array(kept, dtype=np.int64)
        return self._kept[split]

    def _marked(self, fingerprint: str, splits: Sequence[Split]) -> str:
        names = {name for split in splits for name in self._dataset.samples(split).names}
        missing = sorted(names & self._names)
        return digest([fingerprint, "without", missing]) if missing else fingerprint


def find_corrupt(
    dataset: Dataset, splits: Sequence[Split] = SPLITS, progress: Progress = silent
) -> list[tuple[str, str]]:
    """Return name and reason of each image that cannot be decoded, in the order of their names.

    Every image (and mask) is decoded once, in parallel. The answer is remembered with the digests
    of the files, so that an unchanged dataset is not decoded for this again.

    Args:
        dataset: what to look at; of a synthetic one nothing is rendered.
        splits: which of its splits.
        progress: told images done and in all.
    """
    if dataset.synthetic:
        return []
    what = ["corrupt", pillow, *_contents(dataset, splits)]
    known = recall(what).get("corrupt")
    if known is None:
        known = [list(found) for found in sorted(_search(dataset, splits, progress))]
        remember(what, {"corrupt": known})
    return [(name, reason) for name, reason in known]


def _search(dataset: Dataset, splits: Sequence[Split], progress: Progress) -> set[tuple[str, str]]:
    def look(place: tuple[Split, int, str]) -> tuple[str, str] | None:
        split, row, name = place
        try:
            dataset.read(split, row)
            if dataset.has_masks:
                dataset.read_mask(split, row)
        except (ReidbenchError, OSError) as error:
            return name, str(error).rpartition(": ")[2]  # a path would be that of one copy only
        return None

    places = [(s, row, name) for s in splits for row, name in enumerate(dataset.samples(s).names)]
    corrupt = set()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for done, found in enumerate(pool.map(look, places), 1):
            corrupt |= {found} if found else set()
            if done % SHOW_EVERY == 0 or done == len(places):
                progress(done, len(places), {})
    return corrupt


def _contents(dataset: Dataset, splits: Sequence[Split]) -> list[JSON]:
    """Return what decides which images of some splits are corrupt."""
    boxes = [dataset.boxes_fingerprint()] if "boxes" in splits else []
    if isinstance(dataset, FolderDataset):  # all divisions of its files have one answer
        names = sorted({name for split in splits for name in dataset.samples(split).names})
        files = files_digest(dataset.home, dataset.file_names())
        return [dataset.title, dataset.version, digest(names), files, *boxes]
    return [dataset.fingerprint(), sorted(splits), *boxes]


@lru_cache(maxsize=8)
def _view(dataset: Dataset, names: tuple[str, ...]) -> Without:
    """Return one view a process of a dataset that is one a process."""
    return Without(dataset, names)
