"""The contract of a dataset. It needs no torch: images are numpy arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "query", "gallery"]
SPLITS: tuple[Split, ...] = ("train", "query", "gallery")


@dataclass(frozen=True)
class Samples:
    """The images of one split, by name and label.

    Attributes:
        names: one stable name an image, relative to the dataset (never an absolute path).
        pids: ``[N]`` int64 person; -1 is junk, 0 a distractor where the dataset has them.
        cams: ``[N]`` int64 camera, from 0.
    """

    names: Sequence[str]
    pids: NDArray[np.int64]
    cams: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.names)


class Dataset(ABC):
    """Labelled images in the splits train, query and gallery. Instances can be pickled to workers.

    Attributes:
        version: raise it when samples or pixels change for the same files.
        synthetic: whether the images were rendered; results of such datasets say so.
        has_masks: whether ``read_mask`` gives person masks.
        protocol: name of the protocol that it is usually evaluated by.
        terms: terms of use, in a sentence.
        citation: the publication to cite.
    """

    version: ClassVar[int] = 1
    synthetic: ClassVar[bool] = False
    has_masks: ClassVar[bool] = False
    protocol: ClassVar[str] = "market1501"
    terms: ClassVar[str] = ""
    citation: ClassVar[str] = ""

    @abstractmethod
    def samples(self, split: Split) -> Samples:
        """Return the images of a split; cheap to call again."""

    @abstractmethod
    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one image, ``[h, w, 3]`` RGB, at its native size.

        Raises:
            ReidbenchError: naming the file, if it cannot be decoded.
        """

    def read_mask(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one person mask, ``[h, w]`` in 0..255, at the image's native size."""
        raise LookupError(f"{type(self).__name__} has no masks")

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a digest of everything that decides the samples and pixels."""

    @abstractmethod
    def check(self) -> list[str]:
        """Return what is wrong with the copy at hand, one sentence each; empty if nothing is."""
