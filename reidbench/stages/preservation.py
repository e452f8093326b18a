"""Measuring how well translation keeps persons recognisable, and how like the target it looks.

Identity preservation is table 2 of Liu, "Identity preserving generative adversarial network for
cross-domain person re-identification": how often a classifier of the source's training persons
names the right one, in their real images and in the translated ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from reidbench.data.arrays import ImageArray
from reidbench.embedding import Extractor, pooled
from reidbench.errors import UsageError
from reidbench.evaluation.generation import KID_BLOCK, fid, kid, ssim
from reidbench.files import write_json
from reidbench.interfaces import FeatureLearner
from reidbench.keys import JSON
from reidbench.progress import Progress
from reidbench.stages.base import Stage, Work
from reidbench.stages.learning import Learn
from reidbench.stages.translating import Translate

SCORES = "preservation.json"
SSIM_IMAGES = 1000
"""Translated images, evenly spread, that are compared with their originals if there are more."""
_SSIM_BATCH = 32  # images at a time, to save memory


@dataclass(frozen=True)
class Preserve(Stage):
    """Compare the translated images with their originals and with the target's.

    Attributes:
        model: learned from the source's real training images; classifies, and gives the features
            that FID and KID compare.
    """

    kind: ClassVar[str] = "preserve"

    translated: Translate
    model: Learn

    @property
    def title(self) -> str:
        """What it does."""
        return "measure identity preservation"

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """Translated, original and target images, and the model."""
        fitted = self.translated.fitted
        return (self.translated, fitted.source, fitted.target, self.model)

    def values(self) -> JSON:
        """Return the sizes of samples, and the precision of the model."""
        precision = self.model.precision
        return {"ssim_images": SSIM_IMAGES, "kid_block": KID_BLOCK, "precision": precision}

    @property
    def guided(self) -> bool:
        """Whether the translator was trained against this very model."""
        return self.model.key in {m.key for m in self.translated.fitted.source_models.values()}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write ``preservation.json``."""
        fitted = self.translated.fitted
        source = fitted.source.open(work.of(fitted.source))
        target = fitted.target.open(work.of(fitted.target))
        fakes = self.translated.open(work.of(self.translated))
        judged = _Sets(source, target, fakes)
        told = _Counted(work.progress, len(source) + 2 * len(fakes) + len(target))
        scores = {
            "classifier": self._named(),
            "guided": self.guided,
            **self._accuracy(judged, work, told),
            **self._distances(judged, work, told),
            **_similarity(judged),
            "images": judged.counts(),
        }
        write_json(work.folder / SCORES, scores)
        return {}

    def _named(self) -> str:
        data = " and ".join(d.title.partition(" ")[2] for d in self.model.data)
        return f"{self.model.learner.name} learned from {data}"

    def _accuracy(self, sets: _Sets, work: Work, told: _Counted) -> dict[str, JSON]:
        """Return how often the right person is named, or None and why it cannot be told."""
        learner, model = self.model.load(work.of(self.model), work.hardware)
        extractor = Extractor(_Classifier(learner, model), work.hardware)
        persons = sets.source.classes().pids
        try:
            real = extractor(sets.source, told.next(len(sets.source)))
        except UsageError as error:
            return {"accuracy": None, "accuracy_missing": str(error)}
        named = extractor(sets.fakes, told.next(len(sets.fakes)))
        right = {"real": real[:, 0] == persons, "translated": named[:, 0] == persons[sets.origins]}
        return {"accuracy": {name: float(each.mean()) for name, each in right.items()}}

    def _distances(self, sets: _Sets, work: Work, told: _Counted) -> dict[str, JSON]:
        """Return FID and KID of translated and target images, and in what space they are."""
        learner, model = self.model.load(work.of(self.model), work.hardware)
        space = _Space(learner, model)
        extractor = Extractor(space, work.hardware)
        fakes = extractor(sets.fakes, told.next(len(sets.fakes)))
        real = extractor(sets.target, told.next(len(sets.target)))
        value, block, blocks = kid(fakes, real)
        dimensions, least = int(real.shape[1]), min(len(fakes), len(real))
        few = f"FID is of {least} images in {dimensions} dimensions, too few for a covariance"
        return {
            "fid": fid(fakes, real),
            "kid": value,
            "kid_block": block,
            "kid_blocks": blocks,
            "space": f"{space.of} of {self._named()}",
            "dimensions": dimensions,
            "warnings": [few] if least <= dimensions else [],
        }


@dataclass(frozen=True)
class _Sets:
    source: ImageArray
    target: ImageArray
    fakes: ImageArray

    @property
    def origins(self) -> NDArray[np.int64]:
        """The source image of each translated one: a block of all for each style."""
        return np.arange(len(self.fakes)) % len(self.source)

    def counts(self) -> dict[str, int]:
        """Return how many images were compared."""
        return {
            "source": len(self.source),
            "target": len(self.target),
            "translated": len(self.fakes),
            "translated_of_each": len(self.fakes) // len(self.source),
            "ssim": min(len(self.fakes), SSIM_IMAGES),
        }


class _Classifier(nn.Module):
    """Names the likeliest person of each image, ``[B, 1]``."""

    def __init__(self, learner: FeatureLearner, model: nn.Module) -> None:
        super().__init__()
        self.learner, self.model = learner, model

    def forward(self, pixels: Tensor) -> Tensor:
        return self.learner.classify(self.model, pixels).argmax(1, keepdim=True)


class _Space(nn.Module):
    """The average of the last feature map, or the learner's own features if there is no map.

    Distances need a covariance: the features of a learner of parts are too many for that.
    """

    def __init__(self, learner: FeatureLearner, model: nn.Module) -> None:
        super().__init__()
        self.learner, self.model = learner, model
        self.mapped = type(learner).feature_map is not FeatureLearner.feature_map
        self.of = "average of the last feature map" if self.mapped else "features"

    def forward(self, pixels: Tensor) -> Tensor:
        if self.mapped:
            return pooled(self.learner.feature_map(self.model, pixels), "average", 1)
        return self.learner.embed(self.model, pixels)


class _Counted:
    """Progress over several passes."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.total, self.before = progress, total, 0

    def next(self, images: int) -> Progress:
        """Return what the next pass, over so many images, is to tell."""
        first = self.before
        self.before += images
        return lambda done, _, log: self.progress(first + done, self.total, log)


def _similarity(sets: _Sets) -> dict[str, JSON]:
    """Return the mean SSIM of translated images and their originals."""
    count = min(len(sets.fakes), SSIM_IMAGES)
    rows = np.linspace(0, len(sets.fakes) - 1, count).round().astype(np.int64)
    batches = [rows[i : i + _SSIM_BATCH] for i in range(0, count, _SSIM_BATCH)]
    values = [ssim(sets.fakes.pixels[b], sets.source.pixels[sets.origins[b]]) for b in batches]
    return {"ssim": float(np.concatenate(values).mean())}
