"""Translating the target's training images to its own cameras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reidbench.data.arrays import ImageArray, TargetViews
from reidbench.engine.gan import TARGET
from reidbench.engine.streams import stream
from reidbench.stages.base import Stage, Work
from reidbench.stages.decode import DatasetImages
from reidbench.stages.fit_translator import FitTranslator
from reidbench.stages.translate import Translations
from reidbench.stages.translated import Generated
from reidbench.storage.keys import JSON


@dataclass(frozen=True)
class TranslateViews(Generated):
    """Translate the target's training images to each of its cameras; nobody knows their persons.

    Zhong et al., "Generalizing a Person Retrieval Model Hetero- and Homogeneously", ECCV 2018.
    """

    kind: ClassVar[str] = "translate-views"

    fitted: FitTranslator
    precision: str

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return f"translate {self.originals.data.title} train between its cameras"

    @property
    def originals(self) -> DatasetImages:
        """The target's training images."""
        return self.fitted.target

    @property
    def like(self) -> DatasetImages:
        """The same: they have the cameras that are translated to."""
        return self.fitted.target

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The translator and the images it was trained on."""
        return (self.fitted, *self.fitted.inputs)

    def values(self) -> JSON:
        """Return the precision."""
        return {"precision": self.precision}

    def real(self, work: Work) -> ImageArray:
        """Return the images that are translated, without identities, cameras counted from 0."""
        return self.originals.open(work.of(self.originals)).unlabelled().cameras()

    def beside(self, work: Work) -> TargetViews:
        """Return the images beside their translations, for a stage whose inputs both are."""
        return TargetViews(self.real(work), self.open(work.of(self)))

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write a block of all images in the style of each camera, one block after another."""
        target, translator = self.real(work), self.fitted.load(work)
        cameras = int(target.cams.max()) + 1
        src = np.tile(TARGET + target.cams, cameras)
        dst = np.repeat(np.arange(TARGET, TARGET + cameras), len(target))
        with stream(self.fitted.seed, self.kind):
            Translations(target, src, dst).write(translator, work)
        return {"images": len(dst)}
