"""Translated images, whatever made them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reidbench.data.arrays import ImageArray
from reidbench.stages.decode import DatasetImages, TrainingImages
from reidbench.stages.fit_translator import FitTranslator


class Translated(TrainingImages):
    """A stage whose output is translated images."""

    @property
    @abstractmethod
    def originals(self) -> DatasetImages:
        """The images that are translated; the output has one block of all of them, or several."""

    @property
    @abstractmethod
    def like(self) -> DatasetImages:
        """Real training images of the domain that it is translated to."""

    @property
    def to_source(self) -> bool:
        """True if test images of the target are translated, and not training images."""
        return False

    @property
    def guides(self) -> frozenset[str]:
        """Keys of the models that whatever translates was trained against."""
        return frozenset()

    def open(self, folder: Path) -> ImageArray:
        """Map the translated images."""
        images = super().open(folder)
        return replace(images, fake=np.ones(len(images), np.bool_))

    def asked(self, folder: Path) -> NDArray[np.int64] | None:
        """Return the camera of ``like`` that each image was translated to.

        ``[N]``, numbered as that dataset numbers them; None if it was translated to none of them
        in particular.
        """
        return None


class Generated(Translated):
    """Images that a trained translator made.

    Attributes:
        fitted: what translates them.
        precision: of the forward passes.
    """

    fitted: FitTranslator
    precision: str

    @property
    def guides(self) -> frozenset[str]:
        """Keys of the models that the translator's constraints started from."""
        return frozenset(model.key for model in self.fitted.source_models.values())
