"""The dataset example: a draft that draws its images, to be replaced by what reads yours.

Author et al., "Title", Venue Year. This module must not import torch.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from reidbench.data.dataset import Dataset, Samples, Split
from reidbench.storage.keys import derive_seed, digest

SHOTS = {"train": (0, 1), "query": (0,), "gallery": (1,)}


class Example(Dataset):
    """Persons are coloured patches, seen by two cameras.

    Take a parameter ``root: str`` for a dataset of files: ``--data-root`` fills it in.

    Args:
        ids: persons that are learned from, and as many that are tested.

    Raises:
        ValueError: if there are too few.
    """

    synthetic: ClassVar[bool] = True  # leave it out where images are of real cameras
    terms: ClassVar[str] = "Drawn; shows nobody."
    citation: ClassVar[str] = ""

    def __init__(self, *, ids: int = 8) -> None:
        if ids < 2:
            raise ValueError(f"ids must be at least 2, got {ids}")
        self.ids = ids

    def samples(self, split: Split) -> Samples:
        """Return the images of a split: names, persons from 1 and cameras from 0."""
        first = 1 if split == "train" else 1 + self.ids
        shots = [
            (pid, cam, shot)
            for pid in range(first, first + self.ids)
            for cam in (0, 1)
            for shot in SHOTS[split]
        ]
        names = [f"{split}/{pid:04d}_c{cam + 1}_{shot}.png" for pid, cam, shot in shots]
        pids, cams, _ = np.array(shots, dtype=np.int64).T
        return Samples(names, pids, cams)

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one image, ``[64, 32, 3]`` RGB."""
        samples = self.samples(split)
        colour = np.random.default_rng(derive_seed("person", int(samples.pids[index])))
        noise = np.random.default_rng(derive_seed(samples.names[index]))
        image = colour.integers(40, 200, 3) + noise.integers(-20, 21, (64, 32, 3))
        return image.astype(np.uint8)

    def fingerprint(self) -> str:
        """Return a digest of everything that decides the samples and pixels."""
        return digest(["example", self.version, self.ids])

    def check(self) -> list[str]:
        """Return the problems of the copy at hand: none, nothing is read from files."""
        return []
