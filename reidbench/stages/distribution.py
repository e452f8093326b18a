"""Comparing the features of translated images with those of the domain that they approach.

Figure 5 of Lv and Wang, "Cross-dataset Person Re-Identification Using Similarity Preserved
Generative Adversarial Networks", KSEM 2018, shows the features; the distances tell what a picture
cannot: how far the sets lie apart before and after translation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from reidbench.config.recipe import Embedding
from reidbench.data.arrays import ImageArray, Rows
from reidbench.engine.embedding import Embedder, Extractor
from reidbench.errors import ReidbenchError
from reidbench.evaluation.distributions import apart, median_bandwidth, spread_rows
from reidbench.stages.base import Stage, Work
from reidbench.stages.decode import DatasetImages, TrainingImages, concatenated
from reidbench.stages.learn import Learn
from reidbench.stages.translated import Translated
from reidbench.storage.files import write_array, write_json
from reidbench.storage.keys import JSON

SCORES = "distribution.json"
SETS = ("real", "before", "after")
"""The domain that is approached, and the images that are translated, before and after."""
SAMPLE = 500

_LABELS = ("pids", "cams")
S = TypeVar("S", bound=Stage)


@dataclass(frozen=True)
class Distribution(Stage):
    """Embed a sample of real and translated images, and tell how far they lie apart.

    Attributes:
        model: gives the features; learned from the source.
        translated: the images that are looked at.
        sample: images of each set, evenly spread, if there are more.
    """

    kind: ClassVar[str] = "distribution"

    model: Learn
    translated: tuple[Translated, ...]
    sample: int = SAMPLE

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return "compare distributions of features"

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The images, and the model."""
        return (*(stage for stages in self.sets.values() for stage in stages), self.model)

    @property
    def sets(self) -> dict[str, tuple[TrainingImages, ...]]:
        """The stages whose images make up each of ``SETS``."""
        return {"real": self.real, "before": self.originals, "after": self.translated}

    @property
    def real(self) -> tuple[DatasetImages, ...]:
        """Real images of the domain that translation approaches."""
        return _unique(t.like for t in self.translated)

    @property
    def originals(self) -> tuple[DatasetImages, ...]:
        """The real images that are translated."""
        return _unique(t.originals for t in self.translated)

    @property
    def names(self) -> dict[str, str]:
        """Title of each of ``SETS``, for a person to read."""
        before = _named(self.originals)
        return {"real": _named(self.real), "before": before, "after": f"{before}, translated"}

    def values(self) -> JSON:
        """Return the size of the samples, and the precision of the model."""
        return {"sample": self.sample, "precision": self.model.precision}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write ``distribution.json``, and ``features.npy`` ``[N, D]`` with labels of its rows.

        ``sets.npy`` ``[N]`` tells which of ``SETS`` an image is of, ``pids.npy`` and ``cams.npy``
        its person and camera.
        """
        # Twice as many real ones: the halves that make up the floor are as large as the sets.
        sizes = {"real": 2 * self.sample, "before": self.sample, "after": self.sample}
        opened = {n: [s.open(work.of(s)) for s in stages] for n, stages in self.sets.items()}
        counts = {name: sum(map(len, arrays)) for name, arrays in opened.items()}
        images = {name: _spread(arrays, sizes[name]) for name, arrays in opened.items()}
        features = self._features(images, work)
        floor = [features["real"][rows] for rows in _halves(images["real"], self.names["real"])]
        rows = spread_rows(len(images["real"]), self.sample)
        images["real"], features["real"] = _taken(images["real"], rows), features["real"][rows]
        write_json(work.folder / SCORES, self._scores(features, floor, counts))
        labels = {"sets": np.repeat(np.arange(len(SETS)), [len(features[n]) for n in SETS])}
        labels |= {k: np.concatenate([getattr(images[n], k) for n in SETS]) for k in _LABELS}
        every = np.concatenate([features[name] for name in SETS])
        for name, array in {"features": every, **labels}.items():
            write_array(work.folder / f"{name}.npy", array)
        return {"images": len(every)}

    def _features(
        self, images: Mapping[str, ImageArray], work: Work
    ) -> dict[str, NDArray[np.float32]]:
        learner, model = self.model.load(work.of(self.model), work.hardware)
        extractor = Extractor(Embedder(learner, model, Embedding()), work.hardware)
        return dict(extractor.sets(images, work.progress))

    def _scores(
        self,
        features: Mapping[str, NDArray[np.float32]],
        floor: Sequence[NDArray[np.float32]],
        counts: Mapping[str, int],
    ) -> dict[str, JSON]:
        real, before, after = (features[name] for name in SETS)
        width = median_bandwidth(real, before)
        compared = {"before": (real, before), "after": (real, after), "floor": tuple(floor)}
        learned = " and ".join(d.title.partition(" ")[2] for d in self.model.data)
        least, dimensions = min(map(len, (*features.values(), *floor))), int(real.shape[1])
        few = (
            f"a Fréchet distance is of {least} images in {dimensions} dimensions, too few for a "
            "covariance"
        )
        return {
            "sets": {n: _told(self.names[n], counts[n], len(features[n])) for n in SETS},
            **{name: apart(a, b, width).to_dict() for name, (a, b) in compared.items()},
            "floor_images": [len(half) for half in floor],
            "bandwidth": width,
            "space": f"features of {self.model.learner.name} learned from {learned}",
            "dimensions": dimensions,
            "warnings": [few] if least <= dimensions else [],
        }


def _told(name: str, images: int, sampled: int) -> dict[str, JSON]:
    return {"name": name, "images": images, "sampled": sampled}


def _unique(stages: Iterable[S]) -> tuple[S, ...]:
    return tuple({stage.key: stage for stage in stages}.values())


def _named(stages: Sequence[DatasetImages]) -> str:
    """Return the splits of each dataset that stages show, for a person."""
    splits: dict[str, list[str]] = {}
    for stage in stages:
        splits.setdefault(stage.data.title, []).append(stage.split)
    return "; ".join(f"{title} {' and '.join(names)}" for title, names in splits.items())


def _spread(arrays: Sequence[ImageArray], most: int) -> ImageArray:
    """Return at most so many images of several arrays, evenly spread over them all."""
    rows, before = spread_rows(sum(map(len, arrays)), most), 0
    parts = []
    for array in arrays:
        own = rows[(rows >= before) & (rows < before + len(array))] - before
        parts.append(_taken(array, own))
        before += len(array)
    return concatenated(parts)


def _taken(array: ImageArray, rows: Rows) -> ImageArray:
    return ImageArray(array.pixels[rows], array.pids[rows], array.cams[rows])


def _halves(images: ImageArray, name: str) -> tuple[Rows, Rows]:
    """Return the rows of every other person, and of the others.

    Perfectly translated images would be of one domain with the real ones, but of other persons:
    so are the halves, and what lies between them is the least that can be reached.
    """
    if images.num_pids < 2:
        raise ReidbenchError(f"{name} shows one person only: it has no halves to compare")
    first = images.classes().pids % 2 == 0
    return np.flatnonzero(first), np.flatnonzero(~first)
