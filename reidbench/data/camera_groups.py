"""The training images of some cameras, e.g. of those that look down from high up.

SA-GAN (section IV-B) parts the training images of DukeMTMC-reID and Market-1501 by the cameras'
perspective, low or high, and adapts each part separately. It does not say which cameras are which,
and nor do the datasets' authors: the lists are the user's to give.

Cameras count from 0, as in ``Samples.cams``. Papers, and the names of Market-1501's and
DukeMTMC-reID's files, count from 1: ``c1`` is camera 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.catalog import ONLY_CAMERAS, OpenDataset
from reidbench.data.dataset import Dataset, Split
from reidbench.data.view import View
from reidbench.errors import UsageError
from reidbench.storage.keys import digest


class OnlyCameras(View):
    """A view of a dataset that trains on some cameras' images; all tests are as they were."""

    def __init__(self, dataset: Dataset, cameras: Sequence[int]) -> None:
        """Keep the training images of these cameras, in their order.

        Args:
            dataset: the whole one.
            cameras: from 0; neither order nor repetition matters.

        Raises:
            UsageError: if no camera is named, or one that no training image is of.
        """
        super().__init__(dataset)
        self._cameras = tuple(sorted(set(cameras)))
        _refuse_unknown(self._cameras, _cameras_of(dataset))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a worker as the dataset and the cameras."""
        return _view, (self._dataset, self._cameras)

    def keep(self, split: Split) -> NDArray[np.bool_]:
        """Return the mask of the cameras' training images; of other splits, all images."""
        cams = self._dataset.samples(split).cams
        return np.isin(cams, self._cameras) if split == "train" else np.ones(len(cams), np.bool_)

    def fingerprint(self) -> str:
        """Return the dataset's if it has these cameras only, and another if it has more."""
        whole = self._dataset.fingerprint()
        if list(self._cameras) == _cameras_of(self._dataset):
            return whole
        return digest([whole, "only cameras", list(self._cameras)])

    def multi_query_fingerprint(self) -> str:
        """Return the dataset's: images of multi_query are no training images."""
        return self._dataset.multi_query_fingerprint()


def with_cameras(data: OpenDataset, cameras: Sequence[int]) -> OpenDataset:
    """Return a dataset of whose training images only those of some cameras are left.

    Its title and its parameters tell the cameras; ``data`` is as it was.

    Args:
        data: the whole one.
        cameras: from 0; neither order nor repetition matters.

    Raises:
        UsageError: if no camera is named, or one that no training image is of; it names those
            that there are.
    """
    try:
        view = OnlyCameras(data.dataset, cameras)
    except UsageError as error:
        raise UsageError(f"dataset '{data.title}': {error}") from error
    parameters = {**data.parameters, ONLY_CAMERAS: sorted(set(cameras))}
    return replace(data, parameters=parameters, dataset=view, fingerprint=view.fingerprint())


def _cameras_of(dataset: Dataset) -> list[int]:
    return [int(cam) for cam in np.unique(dataset.samples("train").cams)]


def _refuse_unknown(cameras: Sequence[int], known: Sequence[int]) -> None:
    there_are = f"the training images are of {', '.join(map(str, known))} (counted from 0)"
    if not cameras:
        raise UsageError(f"a group of cameras needs a camera; {there_are}")
    if unknown := [cam for cam in cameras if cam not in known]:
        raise UsageError(f"no training image is of camera {unknown[0]}; {there_are}")


@lru_cache(maxsize=8)
def _view(dataset: Dataset, cameras: tuple[int, ...]) -> OnlyCameras:
    """Return one view a process of a dataset that is one a process."""
    return OnlyCameras(dataset, cameras)
