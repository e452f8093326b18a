"""Embedding the test images and scoring them."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from reidbench.config.recipe import Component, Embedding
from reidbench.data.arrays import ImageArray
from reidbench.data.dataset import name_in_keys
from reidbench.engine.embedding import Embedder, Extractor
from reidbench.engine.first_step import check_embedded
from reidbench.engine.flops import of_embedding
from reidbench.engine.metering import peak_memory
from reidbench.evaluation import (
    Features,
    MatrixDistances,
    Protocol,
    RankingOptions,
    Scores,
    evaluate,
    evaluate_distances,
)
from reidbench.evaluation.features import JUNK, Labels, file_numbers
from reidbench.registry.faults import fault
from reidbench.registry.registry import Entry
from reidbench.stages.base import Stage, Work
from reidbench.stages.decode import DatasetImages
from reidbench.stages.trained_model import TrainedModel
from reidbench.stages.translate import TranslateTest
from reidbench.stages.translated import Translated
from reidbench.stages.truth import TrueTranslation
from reidbench.storage.files import mapped_array, write_array, write_json
from reidbench.storage.keys import JSON

FIELDS = ("features", "pids", "cams")  # of a set of images, a file each
MATCHED_ROWS = 256  # queries that are matched at a time

TestImages = DatasetImages | TranslateTest | TrueTranslation


@dataclass(frozen=True)
class Embed(Stage):
    """Embed the query and gallery images.

    Attributes:
        query: real images, or translated ones; the other sets are as they are.
        multi_query: further images of the queries' persons, for protocols that pool them.
    """

    kind: ClassVar[str] = "embed"
    version: ClassVar[int] = 2
    shares: ClassVar[bool] = True

    learned: TrainedModel
    query: TestImages
    gallery: TestImages
    embedding: Embedding
    multi_query: TestImages | None = None

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return f"embed {self.query.data.title} query and gallery"

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The model and the test images."""
        return (self.learned, *self.sets)

    @property
    def sets(self) -> tuple[TestImages, ...]:
        """The sets of images that are embedded."""
        return (self.query, self.gallery, *((self.multi_query,) if self.multi_query else ()))

    def values(self) -> JSON:
        """Return the options of the embedding, and the precision of the model."""
        how = replace(self.embedding, retrieval="features").to_dict()  # that comes afterwards
        return {**how, "precision": self.learned.precision}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write the features and labels of all sets."""
        learner, model = self.learned.load(work.of(self.learned), work.hardware)
        embedder = Embedder(learner, model, self.embedding)
        arrays: dict[str, ImageArray] = {
            name_in_keys(s.split): s.open(work.of(s)) for s in self.sets
        }
        image = arrays["query"].images(np.arange(1), work.hardware.device)
        cost = of_embedding(embedder, image.pixels, 1 + self.embedding.flip)
        extractor = Extractor(embedder, work.hardware, flip=self.embedding.flip)
        started = time.perf_counter()
        with peak_memory(work.hardware) as measured:
            for name, features in extractor.sets(arrays, work.progress):
                images = Features(features, arrays[name].pids, arrays[name].cams)
                _write(work.folder, name, images)
        seconds = time.perf_counter() - started
        measured["images_a_second"] = sum(map(len, arrays.values())) / seconds
        return {"dimensions": int(features.shape[1]), "cost": cost, "measured": measured}


@dataclass(frozen=True)
class Match(Stage):
    """Ask the learner how likely each query and gallery image show one person."""

    kind: ClassVar[str] = "match"

    embedded: Embed

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return f"verify {self.embedded.query.data.title} query against gallery"

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The features and the model that they are of."""
        return (self.embedded, self.embedded.learned)

    def values(self) -> JSON:
        """Return nothing: features and model decide."""
        return {}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write ``distances.npy``, ``[Q, G]`` float32: the negative similarity."""
        learned = self.embedded.learned
        learner, model = learned.load(work.of(learned), work.hardware)
        device = work.hardware.device
        folder = work.of(self.embedded)
        query, gallery = (
            torch.from_numpy(np.load(folder / f"{split}_features.npy")).to(device)
            for split in ("query", "gallery")
        )
        out = mapped_array(
            work.folder / "distances.npy", (len(query), len(gallery)), np.dtype(np.float32)
        )
        with torch.inference_mode():
            for start in range(0, len(query), MATCHED_ROWS):
                rows = query[start : start + MATCHED_ROWS]
                similar = learner.similarity(model, rows, gallery)
                if not start:
                    check_embedded(learner, "similarity", similar, len(rows), len(gallery))
                similar = similar.float()
                out[start : start + len(rows)] = -similar.cpu().numpy()
                work.progress(start + len(rows), len(query), {})
        out.flush()
        return {}


@dataclass(frozen=True)
class Evaluate(Stage):
    """Rank the gallery for every query and score the ranking.

    Attributes:
        match: stage that computes the distances; None takes those of the features.
    """

    kind: ClassVar[str] = "evaluate"
    version: ClassVar[int] = 2
    """Of version 1 distances cancelled where features lie far closer together than to the origin;
    such scores are computed anew, from features that are kept. Of all others no digit moves."""

    embedded: Embed
    protocol: Component
    ranking: RankingOptions
    match: Match | None = None

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return f"evaluate by {self.protocol.name}"

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The features, the distances if they are not the features', and images that are read."""
        images = (self._images("query"), self._images("gallery")) if self._reads_files else ()
        return (self.embedded, *((self.match,) if self.match else ()), *images)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The protocol."""
        return (self.protocol.entry,)

    def values(self) -> JSON:
        """Return the protocol and the ranking options."""
        return {"protocol": self.protocol.identity(), "ranking": self.ranking.to_dict()}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write ``scores.json``."""
        folder = work.of(self.embedded)
        sets = {s.split: _read(folder, name_in_keys(s.split)) for s in self.embedded.sets}
        protocol: Protocol = self.protocol.build()
        if self._reads_files:
            sets |= {s: self._with_files(sets[s], s, work) for s in ("query", "gallery")}
        query, gallery = sets["query"], sets["gallery"]
        if self.match:
            matrix = np.load(work.of(self.match) / "distances.npy", mmap_mode="r")
            scores = evaluate_distances(
                MatrixDistances(matrix), query.labels, gallery.labels, protocol, self.ranking
            )
        else:
            more = sets.get("multi_query")
            scores = evaluate(query, gallery, protocol, self.ranking, multi_query=more)
        check_scored(protocol, scores, query.labels, gallery.labels)
        write_json(work.folder / "scores.json", scores.to_dict())
        work.progress(1, 1, {"mAP": scores.to_dict()["mAP"]})
        return {}

    @property
    def _reads_files(self) -> bool:
        reads: bool = self.protocol.entry.load().reads_files
        return reads

    def _images(self, name: str) -> DatasetImages:
        """Return the real images of a set, translated or not."""
        stage = self.embedded.query if name == "query" else self.embedded.gallery
        return stage.originals if isinstance(stage, Translated) else stage

    def _with_files(self, images: Features, name: str, work: Work) -> Features:
        """Return a set with its files told apart by their decoded pixels."""
        stage = self._images(name)
        pixels = stage.open(work.of(stage)).pixels
        return replace(images, files=file_numbers(p.tobytes() for p in pixels))


def check_scored(protocol: Protocol, scores: object, query: Labels, gallery: Labels) -> None:
    """Refuse scores that leave out queries which have a match in another camera.

    Of one that pools its queries, a person in a camera is a query.

    Raises:
        ComponentError: naming the protocol.
    """
    if not isinstance(scores, Scores):
        raise fault(protocol, "scores", f"returned a {type(scores).__name__}", "Scores")
    pairs = np.stack([query.pids, query.cams], 1)
    if protocol.pools_queries:
        pairs = np.unique(pairs, axis=0)
    cameras: dict[int, set[int]] = {}
    for pid, cam in zip(gallery.pids.tolist(), gallery.cams.tolist(), strict=True):
        cameras.setdefault(pid, set()).add(cam)
    matched = sum(bool(cameras.get(p, set()) - {cam}) for p, cam in pairs.tolist() if p != JUNK)
    if scores.valid_queries < matched:
        raise fault(
            protocol,
            "scores",
            f"scored {scores.valid_queries} queries, and {matched} have a match in another camera",
            "scores of every query that has a match",
        )
    measures = scores.measures()
    if wrong := [name for name, value in measures.items() if not 0 <= value <= 1]:
        got = f"returned {wrong[0]} = {measures[wrong[0]]}"
        raise fault(protocol, "scores", got, "measures in [0, 1]")


def _write(folder: Path, name: str, images: Features) -> None:
    for field in FIELDS:
        write_array(folder / f"{name}_{field}.npy", getattr(images, field))


def _read(folder: Path, name: str) -> Features:
    return Features(*(np.load(folder / f"{name}_{field}.npy") for field in FIELDS))
