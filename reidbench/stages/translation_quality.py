"""Measure translation quality: identity accuracy, and similarity to the real images.

Identity accuracy is table 2 of Liu, "Identity preserving generative adversarial network for
cross-domain person re-identification": the rate at which a classifier of the source's training
persons names the right one, in real and in translated images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from reidbench.data.arrays import ImageArray
from reidbench.engine.embedding import Classifier, Extractor, pooled
from reidbench.errors import UsageError
from reidbench.evaluation.generation import KID_BLOCK, fid, kid, ssim
from reidbench.interfaces import FeatureLearner
from reidbench.progress import Progress
from reidbench.stages.base import Stage, Work
from reidbench.stages.learn import Learn
from reidbench.stages.translated import Translated
from reidbench.storage.files import write_json
from reidbench.storage.keys import JSON

SCORES = "preservation.json"
SSIM_IMAGES = 1000
"""Translated images, evenly spread, that are compared with their originals if there are more."""
_SSIM_BATCH = 32  # images at a time, to save memory


@dataclass(frozen=True)
class TranslationQuality(Stage):
    """Compare translated images with their originals and with real images of the destination.

    Attributes:
        model: re-ID model of the source's real training images, which classifies persons and gives
            the features that FID and KID compare.
    """

    kind: ClassVar[str] = "preserve"

    translated: Translated
    model: Learn

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return "measure translation quality"

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The translated, original and destination's images, the model and its training images."""
        compared = (self.translated, self.translated.originals, self.translated.like, self.model)
        return (*compared, *(d for d in self.model.data if d not in compared))

    def values(self) -> JSON:
        """Return the sizes of samples, and the precision of the model."""
        precision = self.model.precision
        return {"ssim_images": SSIM_IMAGES, "kid_block": KID_BLOCK, "precision": precision}

    @property
    def guided(self) -> bool:
        """True if the translator was trained against this very model."""
        return self.model.key in self.translated.guides

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write ``preservation.json``."""
        stages = (self.translated.originals, self.translated.like, self.translated)
        judged = _Sets(*(stage.open(work.of(stage)) for stage in stages))
        told = Counted(work.progress, 2 * len(judged.fakes) + len(judged.real) + len(judged.like))
        scores = {
            "classifier": self._named(),
            "guided": self.guided,
            **self._accuracy(judged, work, told),
            **self._distances(judged, work, told),
            **_similarity(judged),
            "images": judged.counts(*self._domains),
        }
        write_json(work.folder / SCORES, scores)
        return {}

    @property
    def _domains(self) -> tuple[str, str]:
        """The images that are translated, and the domain of each translation."""
        return ("target", "source") if self.translated.to_source else ("source", "target")

    def _named(self) -> str:
        data = " and ".join(d.title.partition(" ")[2] for d in self.model.data)
        return f"{self.model.learner.name} learned from {data}"

    def _accuracy(self, sets: _Sets, work: Work, told: Counted) -> dict[str, JSON]:
        """Return the identity accuracy, or None and the reason why there is none."""
        if self.translated.to_source:
            told.next(len(sets.real) + len(sets.fakes))
            missing = "the classifier knows nobody of the target"
            return {"accuracy": None, "accuracy_missing": missing}
        learner, model = self.model.load(work.of(self.model), work.hardware)
        extractor = Extractor(Classifier(learner, model), work.hardware)
        known = np.unique(np.concatenate([d.open(work.of(d)).pids for d in self.model.data]))
        persons = np.searchsorted(known, sets.real.pids)
        try:
            real = extractor(sets.real, told.next(len(sets.real)))
        except UsageError as error:
            return {"accuracy": None, "accuracy_missing": str(error)}
        named = extractor(sets.fakes, told.next(len(sets.fakes)))
        right = {"real": real[:, 0] == persons, "translated": named[:, 0] == persons[sets.origins]}
        return {"accuracy": {name: float(each.mean()) for name, each in right.items()}}

    def _distances(self, sets: _Sets, work: Work, told: Counted) -> dict[str, JSON]:
        """Return FID and KID of translated and destination's images, and their feature space."""
        learner, model = self.model.load(work.of(self.model), work.hardware)
        space = _Space(learner, model)
        extractor = Extractor(space, work.hardware)
        fakes = extractor(sets.fakes, told.next(len(sets.fakes)))
        real = extractor(sets.like, told.next(len(sets.like)))
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
    real: ImageArray
    like: ImageArray
    fakes: ImageArray

    @property
    def origins(self) -> NDArray[np.int64]:
        """The original of each translated image: a block of all for each style or code."""
        return np.arange(len(self.fakes)) % len(self.real)

    def counts(self, real: str, like: str) -> dict[str, int]:
        """Return the numbers of images compared, by the names of the domains."""
        return {
            real: len(self.real),
            like: len(self.like),
            "translated": len(self.fakes),
            "translated_of_each": len(self.fakes) // len(self.real),
            "ssim": min(len(self.fakes), SSIM_IMAGES),
        }


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


class Counted:
    """Progress over several passes."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.total, self.before = progress, total, 0

    def next(self, images: int) -> Progress:
        """Return the progress of the next pass, which is over so many images."""
        first = self.before
        self.before += images
        return lambda done, _, log: self.progress(first + done, self.total, log)


def _similarity(sets: _Sets) -> dict[str, JSON]:
    """Return the mean SSIM of translated images and their originals, and their mean change."""
    count = min(len(sets.fakes), SSIM_IMAGES)
    rows = np.linspace(0, len(sets.fakes) - 1, count).round().astype(np.int64)
    batches = [rows[i : i + _SSIM_BATCH] for i in range(0, count, _SSIM_BATCH)]
    pairs = [(sets.fakes.pixels[b], sets.real.pixels[sets.origins[b]]) for b in batches]
    changes = [np.abs(fake.astype(np.float32) - real).mean((1, 2, 3)) for fake, real in pairs]
    return {
        "ssim": float(np.concatenate([ssim(*pair) for pair in pairs]).mean()),
        "change": float(np.concatenate(changes).mean()),
    }
