"""Images as arrays: decoded, and as one input of several."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from reidbench.data.arrays import ImageArray
from reidbench.data.catalog import OpenDataset
from reidbench.data.dataset import Split, name_in_keys
from reidbench.data.decode import Interpolation, decode
from reidbench.registry.registry import Entry
from reidbench.stages.base import Stage, Work
from reidbench.storage.keys import JSON


class TrainingImages(Stage):
    """A stage whose output is labelled images, to learn from or to embed."""

    def open(self, folder: Path) -> ImageArray:
        """Map the images it wrote to ``folder``."""
        return ImageArray.open(folder)


class DatasetImages(TrainingImages):
    """A stage whose output is a split of a dataset, image by image.

    Attributes:
        data: the dataset.
        split: name of the split.
    """

    data: OpenDataset
    split: Split


@dataclass(frozen=True)
class Decode(DatasetImages):
    """Decode (or render) a split once, at the size the networks take."""

    kind: ClassVar[str] = "decode"

    data: OpenDataset
    split: Split
    size: tuple[int, int]
    interpolation: Interpolation = "bicubic"

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        verb = "render" if self.data.dataset.synthetic else "decode"
        return f"{verb} {self.data.title} {self.split}"

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The dataset."""
        return (self.data.entry,) if self.data.entry else ()

    def values(self) -> JSON:
        """Return dataset, split, size and, unless it is bicubic, the interpolation."""
        values: dict[str, JSON] = {
            "dataset": self._dataset(),
            "split": name_in_keys(self.split),
            "size": list(self.size),
        }
        if self.interpolation != "bicubic":  # the keys are older than the choice
            values["interpolation"] = self.interpolation
        return values

    def _dataset(self) -> dict[str, JSON]:
        identity = self.data.identity()
        if self.split == "multi_query":  # which the dataset's own fingerprint leaves out
            identity["fingerprint"] = self.data.dataset.multi_query_fingerprint()
        return identity

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write pixels, labels and masks."""
        dataset, how = self.data.dataset, self.interpolation
        decode(dataset, self.split, self.size, work.folder, work.progress, interpolation=how)
        return {"images": len(dataset.samples(self.split))}


def concatenated(arrays: list[ImageArray]) -> ImageArray:
    """Return the images of several arrays as one, without masks."""
    if len(arrays) == 1:
        return arrays[0]
    pixels, pids, cams = (
        np.concatenate([getattr(a, name) for a in arrays]) for name in ("pixels", "pids", "cams")
    )
    fakes = [np.zeros(len(a), np.bool_) if a.fake is None else a.fake for a in arrays]
    return ImageArray(pixels, pids, cams, fake=np.concatenate(fakes))
