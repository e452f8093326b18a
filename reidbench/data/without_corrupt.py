"""A dataset without its corrupt images, by choice."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import __version__ as pillow

from reidbench.data.dataset import SPLITS, Dataset, Split, name_in_keys
from reidbench.data.fingerprints import files_digest, recall, remember
from reidbench.data.readers.folders import FolderDataset
from reidbench.data.view import View
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress, silent
from reidbench.storage.keys import JSON, digest

SHOW_EVERY = 64  # images


class Without(View):
    """A view of a dataset that lacks the images of some names; the rest is as it was."""

    def __init__(self, dataset: Dataset, names: Iterable[str]) -> None:
        super().__init__(dataset)
        self._names = frozenset(names)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a worker as the dataset and the names."""
        return _view, (self._dataset, tuple(sorted(self._names)))

    def keep(self, split: Split) -> NDArray[np.bool_]:
        """Return the mask of the images that have other names."""
        names = self._dataset.samples(split).names
        return np.array([name not in self._names for name in names], dtype=np.bool_)

    def fingerprint(self) -> str:
        """Return the dataset's if none of its images is left out, and another if any is."""
        return self._marked(self._dataset.fingerprint(), SPLITS)

    def multi_query_fingerprint(self) -> str:
        """Return the same for the split multi_query."""
        return self._marked(self._dataset.multi_query_fingerprint(), ("multi_query",))

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
        dataset: dataset to examine; a synthetic one is not rendered.
        splits: names of the splits.
        progress: callback for images done and in all.
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
    """Return the facts that decide which images of some splits are corrupt."""
    more = [dataset.multi_query_fingerprint()] if "multi_query" in splits else []
    if isinstance(dataset, FolderDataset):  # all divisions of its files have one answer
        names = sorted({name for split in splits for name in dataset.samples(split).names})
        files = files_digest(dataset.home, dataset.file_names())
        return [dataset.title, dataset.version, digest(names), files, *more]
    return [dataset.fingerprint(), sorted(map(name_in_keys, splits)), *more]


@lru_cache(maxsize=8)
def _view(dataset: Dataset, names: tuple[str, ...]) -> Without:
    """Return one view a process of a dataset that is one a process."""
    return Without(dataset, names)
