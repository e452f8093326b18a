"""The contract of segmenters, which make person masks where a dataset has none.

Configuration is the constructor, as of all components (see ``reidbench.interfaces``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn

from reidbench.errors import ReidbenchError

if TYPE_CHECKING:
    from reidbench.data.arrays import ImageArray
    from reidbench.data.dataset import Dataset
    from reidbench.engine.loop import Loop


class Segmenter(ABC):
    """Separates persons from the background. Raise ``version`` whenever its numbers change.

    Attributes:
        files: parameters that may name a file or folder of this machine, as ``FeatureLearner``'s.
    """

    version: ClassVar[int] = 1
    files: ClassVar[frozenset[str]] = frozenset()

    def provenance(self) -> Mapping[str, str]:
        """Return the inputs beside the parameters that decide the masks: files, by hash."""
        return {}

    def pairs(self) -> Dataset | None:
        """Return the images and masks that ``fit`` learns from; None if there is nothing to learn.

        Raises:
            ReidbenchError: if they cannot be read.
        """
        return None

    @abstractmethod
    def build(self) -> nn.Module:
        """Return a new model."""

    def blank(self) -> nn.Module:
        """Return a model to load learned weights into; override it where ``build`` reads files."""
        return self.build()

    def fit(self, model: nn.Module, data: ImageArray, loop: Loop) -> None:
        """Train ``model`` in place on images with masks, stepping only by ``loop.run``."""
        raise ReidbenchError(f"{type(self).__name__} is not trained: it implements no fit()")

    @abstractmethod
    def masks(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return ``[B, 1, H, W]`` in [0, 1], 1 on the person, of ``pixels`` in [-1, 1]."""
