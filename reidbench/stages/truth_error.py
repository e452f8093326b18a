"""Measuring how far translated images are from the true ones, where domains are rendered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from reidbench.data.arrays import ImageArray
from reidbench.engine.embedding import Classifier, Extractor
from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation.transforms import HOMOGRAPHY, known_gap, moved_corners
from reidbench.evaluation.truth import TruthErrors, nearest, truth_errors
from reidbench.stages.base import Stage, Work
from reidbench.stages.learn import Learn
from reidbench.stages.translate import TRANSFORMS
from reidbench.stages.translated import Translated
from reidbench.stages.translation_quality import Counted
from reidbench.stages.truth import Truth, Truths
from reidbench.storage.files import write_json
from reidbench.storage.keys import JSON

SCORES = "truth.json"
_BATCH = 64  # images at a time, to save memory

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class TruthError(Stage):
    """Compare translated images with the true ones.

    Of an image that was translated to no camera in particular the truth is that of the camera
    whose true picture is nearest.

    Attributes:
        truth: true pictures of a sample of the images.
        classifier: learned from the true pictures of all of them; it tells who is recognised.
    """

    kind: ClassVar[str] = "truth-error"

    translated: Translated
    truth: Truth
    classifier: Learn

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return "compare translations with the truth"

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The translated images, their originals, the truth, and the classifier with its images."""
        compared = (self.translated, self.translated.originals, self.truth, self.classifier)
        return (*compared, *(d for d in self.classifier.data if d not in compared))

    def values(self) -> JSON:
        """Return the precision of the classifier."""
        return {"precision": self.classifier.precision}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write ``truth.json``."""
        folder, originals = work.of(self.translated), self.translated.originals
        fakes, real = self.translated.open(folder), originals.open(work.of(originals))
        truths, asked = self.truth.open(work.of(self.truth)), self.translated.asked(folder)
        rows = _of_the_sample(truths.rows, len(real), len(fakes))
        seen_by = None if asked is None else asked[rows]
        errors = _errors(fakes, rows, truths, len(real), seen_by)
        still = _errors(real, truths.rows, truths, len(real), None)
        scores: dict[str, JSON] = {
            **errors.to_dict(),
            "untranslated": still.to_dict(),
            "images": len(rows),
            "of": len(fakes),
            "cameras": "nearest" if asked is None else "asked",
            **self._retained(fakes, real, work),
            **self._moved(folder, real, asked),
        }
        write_json(work.folder / SCORES, scores)
        return {}

    def _retained(self, fakes: ImageArray, real: ImageArray, work: Work) -> dict[str, JSON]:
        """Return how often the right person is recognised, or None and why it is not known."""
        data = [d.open(work.of(d)) for d in self.classifier.data]
        known = np.unique(np.concatenate([d.pids for d in data]))
        sets = {"translated": [fakes], "untranslated": [real], "perfect": data}
        told = Counted(work.progress, sum(len(a) for each in sets.values() for a in each))
        learner, model = self.classifier.load(work.of(self.classifier), work.hardware)
        extractor = Extractor(Classifier(learner, model), work.hardware)
        found: dict[str, JSON] = {}
        for name, arrays in sets.items():
            try:
                named = np.concatenate([extractor(a, told.next(len(a)))[:, 0] for a in arrays])
            except UsageError as error:
                return {"identity_retained": None, "identity_missing": str(error)}
            pids = np.concatenate([a.pids for a in arrays])
            persons = pids > 0  # of distractors and junk nobody knows who they are
            right = named[persons] == np.searchsorted(known, pids[persons])
            found[name] = float(right.mean())
        return {"identity_retained": found, "classifier": self.classifier.learner.name}

    def _moved(self, folder: Path, real: ImageArray, asked: Rows | None) -> dict[str, JSON]:
        """Return how far spatial transforms are from the true ones; nothing if there are none."""
        if not (folder / TRANSFORMS).exists():
            return {}
        parameters = np.load(folder / TRANSFORMS)
        source, target = (
            stage.data.dataset for stage in (self.translated.originals, self.translated.like)
        )
        cams = np.tile(real.cams, len(parameters) // len(real))
        known = known_gap(source, target, cams, asked)
        if known is None or parameters.shape[1] != HOMOGRAPHY:
            return {}
        try:
            corners = known.to_dict(moved_corners(parameters))
            return {"transforms": {**corners, **known.grid_errors(parameters)}}
        except ReidbenchError as error:
            return {"transforms": None, "transforms_missing": str(error)}


def _of_the_sample(sample: Rows, images: int, translated: int) -> Rows:
    """Return the places of all translations of the images in the sample, block by block."""
    blocks = np.arange(0, translated, images)
    return (blocks[:, None] + sample).ravel()


def _errors(
    array: ImageArray, rows: Rows, truths: Truths, images: int, asked: Rows | None
) -> TruthErrors:
    """Return the errors of some rows of an array against the truths of their originals."""
    places = np.searchsorted(truths.rows, rows % images)
    chosen = []
    for part in _parts(len(rows)):
        if asked is None:
            chosen.append(nearest(array.pixels[rows[part]], truths.pixels[places[part]]))
        else:
            chosen.append(np.searchsorted(truths.cameras, asked[part]))
    at = places, np.concatenate(chosen)
    return truth_errors(array.pixels[rows], truths.pixels[at], truths.masks[at])


def _parts(count: int) -> Sequence[slice]:
    return [slice(start, start + _BATCH) for start in range(0, count, _BATCH)]
