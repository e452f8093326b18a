"""The contract of a dataset. It needs no torch: images are numpy arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "query", "gallery", "multi_query"]
SPLITS: tuple[Split, ...] = ("train", "query", "gallery")
"""The splits that every dataset has; some have "multi_query" as well."""

OLD_NAMES: Mapping[str, Split] = {"boxes": "multi_query"}
"""Splits by the names that files, folders and commands of earlier versions gave them."""

JUNK, DISTRACTOR = -1, 0
UNKNOWN = -1
"""Camera of images whose camera is not known."""

TRUTH_PARTS = ("colour", "place", "viewpoint")
"""Parts of a rendered picture that another camera changes; a partial truth has some of them."""


@dataclass(frozen=True)
class Samples:
    """The images of one split, by name and label.

    Attributes:
        names: one stable name an image, relative to the dataset (never an absolute path).
        pids: ``[N]`` int64 person; -1 is junk, 0 a distractor where the dataset has them.
        cams: ``[N]`` int64 camera, from 0; -1 where it is not known.
    """

    names: Sequence[str]
    pids: NDArray[np.int64]
    cams: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.names)


@dataclass(frozen=True)
class Counts:
    """Numbers of images, persons and cameras in a split.

    Attributes:
        images: number of all images; None where published counts lack it.
        persons: distinct persons, distractors and junk left out.
        cameras: distinct cameras; None as for images.
        distractors: images of nobody who is looked for (pid 0).
        junk: images that count neither for nor against a ranking (pid -1).
    """

    images: int | None
    persons: int
    cameras: int | None
    distractors: int = 0
    junk: int = 0

    @classmethod
    def of(cls, samples: Samples) -> Counts:
        """Count the samples of a split."""
        pids = samples.pids
        return cls(
            images=len(samples),
            persons=len(np.unique(pids[pids > 0])),
            cameras=len(np.unique(samples.cams)),
            distractors=int((pids == DISTRACTOR).sum()),
            junk=int((pids == JUNK).sum()),
        )


def name_in_keys(split: Split) -> str:
    """Return the name of a split in content keys, random streams and artifacts.

    It is the name that the split had at first, so that no key moves with a new name.
    """
    return next((old for old, new in OLD_NAMES.items() if new == split), split)


class Dataset(ABC):
    """Labelled images in the splits train, query and gallery. Instances can be pickled to workers.

    Attributes:
        version: raise it when samples or pixels change for the same files.
        synthetic: True if the images were rendered; results of such datasets say so.
        protocol: name of the protocol that it is usually evaluated by; parameters may decide it.
        terms: terms of use, in a sentence.
        citation: the publication to cite.
        homepage: its authors' page; nothing is fetched from there.
        withdrawn: when and why its authors withdrew it; empty if they did not.
    """

    version: ClassVar[int] = 1
    synthetic: ClassVar[bool] = False
    protocol: str = "market1501"
    terms: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    homepage: ClassVar[str] = ""
    withdrawn: ClassVar[str] = ""

    @property
    def has_masks(self) -> bool:
        """True if ``read_mask`` gives person masks."""
        return False

    @property
    def has_truth(self) -> bool:
        """True if ``as_seen_by`` draws an image as a camera of another such dataset sees it."""
        return False

    @property
    def has_multi_query(self) -> bool:
        """True if there is a split "multi_query": further images of the queries' persons."""
        return False

    @property
    def population(self) -> str:
        """Name of the people whom pids number: equal pids of one population are one person."""
        return type(self).__name__.lower()

    @property
    def division(self) -> str:
        """Origin of the division into training and test persons: "official" or a file."""
        return "official"

    @property
    def trains_on_test(self) -> bool:
        """True if the training images show test persons by choice, which results declare."""
        return False

    def published(self) -> Mapping[Split, Counts]:
        """Return the published counts of the splits, where there are any."""
        return {}

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

    def as_seen_by(
        self,
        other: Dataset,
        split: Split,
        index: int,
        *,
        camera: int,
        parts: Sequence[str] = TRUTH_PARTS,
    ) -> NDArray[np.uint8]:
        """Return one image as a camera of another dataset sees it, ``[h, w, 3]`` RGB."""
        raise LookupError(f"{type(self).__name__} is not rendered: the truth is not known")

    def mask_as_seen_by(
        self,
        other: Dataset,
        split: Split,
        index: int,
        *,
        camera: int,
        parts: Sequence[str] = TRUTH_PARTS,
    ) -> NDArray[np.uint8]:
        """Return the person mask of what ``as_seen_by`` returns, ``[h, w]`` in 0..255."""
        raise LookupError(f"{type(self).__name__} is not rendered: the truth is not known")

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a digest of everything that decides the samples and pixels, multi_query apart."""

    def multi_query_fingerprint(self) -> str:
        """Return a digest of what decides the split "multi_query", which copies may lack."""
        return self.fingerprint()

    @abstractmethod
    def check(self) -> list[str]:
        """Return the problems of the copy at hand, one sentence each; empty if there are none."""

    def remarks(self) -> list[str]:
        """Return remarks on the dataset that are no faults of the copy, one sentence each."""
        return []
