"""Embedding the test images and scoring them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from reidbench.cost import of_embedding
from reidbench.data.arrays import ImageArray
from reidbench.embedding import Embedder, Extractor
from reidbench.evaluation import Features, Protocol, RankingOptions, evaluate
from reidbench.files import write_array, write_json
from reidbench.keys import JSON
from reidbench.metering import peak_memory
from reidbench.recipe import Component, Embedding
from reidbench.stages.base import Stage, Work
from reidbench.stages.images import Decode
from reidbench.stages.models import TrainedModel


@dataclass(frozen=True)
class Embed(Stage):
    """Embed the target's query and gallery images.

    Attributes:
        boxes: further images of the queries' persons, for protocols that pool them.
    """

    kind: ClassVar[str] = "embed"
    version: ClassVar[int] = 2

    learned: TrainedModel
    query: Decode
    gallery: Decode
    embedding: Embedding
    boxes: Decode | None = None

    @property
    def title(self) -> str:
        """What it does."""
        return f"embed {self.query.data.title} query and gallery"

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The model and the test images."""
        return (self.learned, *self.sets)

    @property
    def sets(self) -> tuple[Decode, ...]:
        """The sets of images that are embedded."""
        return (self.query, self.gallery, *((self.boxes,) if self.boxes else ()))

    def values(self) -> JSON:
        """Return how images are embedded, and the precision of the model."""
        return {**self.embedding.to_dict(), "precision": self.learned.precision}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write the features and labels of all sets."""
        learner, model = self.learned.load(work.of(self.learned), work.hardware)
        embedder = Embedder(learner, model, self.embedding)
        arrays: dict[str, ImageArray] = {s.split: s.open(work.of(s)) for s in self.sets}
        image = arrays["query"].images(np.arange(1), work.hardware.device)
        cost = of_embedding(embedder, image.pixels, 1 + self.embedding.flip)
        extractor = Extractor(embedder, work.hardware, flip=self.embedding.flip)
        started = time.perf_counter()
        with peak_memory(work.hardware) as measured:
            for split, features in extractor.sets(arrays, work.progress):
                write_array(work.folder / f"{split}_features.npy", features)
                write_array(work.folder / f"{split}_pids.npy", arrays[split].pids)
                write_array(work.folder / f"{split}_cams.npy", arrays[split].cams)
        seconds = time.perf_counter() - started
        measured["images_a_second"] = sum(map(len, arrays.values())) / seconds
        return {"dimensions": int(features.shape[1]), "cost": cost, "measured": measured}


@dataclass(frozen=True)
class Evaluate(Stage):
    """Rank the gallery for every query and score the ranking."""

    kind: ClassVar[str] = "evaluate"

    embedded: Embed
    protocol: Component
    ranking: RankingOptions

    @property
    def title(self) -> str:
        """What it does."""
        return f"evaluate by {self.protocol.name}"

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The features."""
        return (self.embedded,)

    def values(self) -> JSON:
        """Return the protocol and the ranking options."""
        return {"protocol": self.protocol.identity(), "ranking": self.ranking.to_dict()}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write ``scores.json``."""
        folder = work.of(self.embedded)
        sets = {s.split: _features(folder, s.split) for s in self.embedded.sets}
        protocol: Protocol = self.protocol.build()
        scores = evaluate(
            sets["query"], sets["gallery"], protocol, self.ranking, boxes=sets.get("boxes")
        )
        write_json(work.folder / "scores.json", scores.to_dict())
        work.progress(1, 1, {"mAP": scores.to_dict()["mAP"]})
        return {}


def _features(folder: Path, split: str) -> Features:
    return Features(*(np.load(folder / f"{split}_{n}.npy") for n in ("features", "pids", "cams")))
