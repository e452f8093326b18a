"""Recipes: the parts of a run, with every value resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from reidbench.errors import UsageError
from reidbench.evaluation.options import RankingOptions
from reidbench.interfaces import at_least
from reidbench.registry.parameters import parameters_of
from reidbench.registry.registry import Direction, Entry, Strategy
from reidbench.storage.keys import JSON, digest

Retrieval = Literal["features", "verification"]
Pool = Literal["learner", "average", "max"]
Parts = Literal[1, 2, 4, 8]
Cameras = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Component:
    """A registered class with all of its parameters resolved."""

    entry: Entry
    version: int
    parameters: Mapping[str, JSON]

    @property
    def name(self) -> str:
        """The name it is registered under."""
        return self.entry.name

    def build(self) -> Any:
        """Construct the component.

        Raises:
            UsageError: naming the component, if its constructor refuses a value.
        """
        try:
            return self.entry.load()(**self.parameters)
        except ValueError as error:
            raise UsageError(f"'{self.name}': {error}") from error

    def identity(self) -> dict[str, JSON]:
        """Return everything that decides its numbers, for keys and results; of files the names.

        Parameters in ``omitted_from_key_at_default`` are left out while at their defaults, and the
        distribution of the project's own components.
        """
        factory = self.entry.load()
        files: frozenset[str] = getattr(factory, "files", frozenset())
        omitted: frozenset[str] = getattr(factory, "omitted_from_key_at_default", frozenset())
        known = parameters_of(factory) if omitted else {}
        shown = {
            name: Path(value).name if name in files and isinstance(value, str) else value
            for name, value in self.parameters.items()
            if not (name in omitted and value == known[name].default)
        }
        own = {"name": self.name, "version": self.version, "parameters": shown}
        return {**self.entry.identity(), **own}


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Length of a translator's training.

    Attributes:
        batch: images of each domain in a step.
        epochs: passes over the source's training images; used when ``steps`` is 0.
        steps: training steps.
    """

    batch: int = 1
    epochs: int = 6
    steps: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        at_least(1, batch=self.batch, epochs=self.epochs)
        at_least(0, steps=self.steps)

    def resolved_steps(self, images: int) -> int:
        """Return the number of steps for that many source images."""
        return self.steps or -(-images * self.epochs // self.batch)


@dataclass(frozen=True, kw_only=True)
class TranslationSampling:
    """Choice of the translations of a source image that the learner trains on.

    Attributes:
        cameras: of a translator that tells the target's cameras apart: translate each image to
            all of them ("all") or to one drawn at random ("one").
        codes: of a translator that takes codes: number of translations of each image, each with a
            code of its own (M of SA-GAN).
    """

    cameras: Literal["all", "one"] = "all"
    codes: int = 1

    def __post_init__(self) -> None:
        """Check the range."""
        at_least(1, codes=self.codes)


@dataclass(frozen=True, kw_only=True)
class CameraGroups:
    """Groups of cameras, each pair of which has a translator of its own.

    Zhang et al., "Spatial-Aware GAN for Unsupervised Person Re-identification", section IV-B, part
    the training images by low and high cameras.

    Attributes:
        source: groups of the source's cameras, which count from 0; empty is one group of all.
            Images of cameras in no group are not translated.
        target: groups of the target's. Of two and two groups the first goes to the first and the
            second to the second; one group takes part in every translation.
    """

    source: Cameras = ()
    target: Cameras = ()

    def __post_init__(self) -> None:
        """Refuse groups that cannot be paired."""
        sides = {"source": self.source, "target": self.target}
        for side, groups in sides.items():
            object.__setattr__(self, side, tuple(map(tuple, groups)))  # JSON knows lists only
            cameras = [camera for group in groups for camera in group]
            if not all(groups) or len(set(cameras)) < len(cameras):
                raise ValueError(f"{side}={groups}: a group is empty, or a camera stands twice")
        counts = {len(groups) for groups in sides.values()} - {0, 1}
        if len(counts) > 1:
            raise ValueError(
                f"{len(self.source)} groups of source cameras cannot be paired with "
                f"{len(self.target)} of target cameras"
            )

    def to_dict(self) -> dict[str, JSON]:
        """Return the groups as lists, ready for JSON."""
        return {side: [list(group) for group in getattr(self, side)] for side in vars(self)}

    @property
    def pairs(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """The cameras of source and target that each translator learns from; empty is all."""
        sides = [groups or ((),) for groups in (self.source, self.target)]
        count = max(map(len, sides))
        source, target = (groups * count if len(groups) == 1 else groups for groups in sides)
        return list(zip(source, target, strict=True))


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """Options that turn test images into features.

    Attributes:
        flip: add the features of the mirrored image.
        pool: pooling of the last feature map: the learner's own, as in training, or the average
            or the maximum over each part (local max pooling, Deng et al., arXiv:1811.10551, 3.4).
        parts: number of horizontal stripes of the map; features are as many times longer.
        retrieval: origin of the gallery's ranking: distances of "features", or the learner's own
            probability that a pair shows one person ("verification").
    """

    flip: bool = False
    pool: Pool = "learner"
    parts: Parts = 1
    retrieval: Retrieval = "features"

    def __post_init__(self) -> None:
        """Refuse parts without a pooling, and verification of changed features."""
        if self.retrieval == "verification" and (self.flip or self.pool != "learner"):
            raise ValueError(
                "retrieval='verification' takes the learner's own features: leave flip at false "
                "and pool at 'learner'"
            )
        if self.parts > 1 and self.pool == "learner":
            raise ValueError(
                f"parts={self.parts} needs a pooling: set pool to 'max' (local max pooling) or "
                "'average'"
            )

    def to_dict(self) -> dict[str, JSON]:
        """Return the options; all but flip are left out at their defaults."""
        pooling = {"pool": self.pool, "parts": self.parts} if self.pool != "learner" else {}
        retrieval = {"retrieval": self.retrieval} if self.retrieval != "features" else {}
        return {"flip": self.flip, **pooling, **retrieval}


@dataclass(frozen=True)
class Recipe:
    """The parts of a run, each resolved.

    Attributes:
        translator: the translator; None for direct transfer.
        rendering: choice of translations, for translators that tell cameras apart or take codes.
        perspective: groups of cameras, each with a translator of its own.
        direction: "source-to-target" translates training images, "target-to-source" test images.
        segmenter: maker of the person masks; None if the datasets have them or no part reads them.
        source_learners: by constraint, the learner whose source-trained model it starts from.
        modified: values that the user set by hand; empty in ranked results.
    """

    name: str
    translator: Component | None
    constraints: tuple[Component, ...]
    learner: Component
    strategy: Strategy
    budget: Budget
    embedding: Embedding
    ranking: RankingOptions
    paper: str
    modified: Mapping[str, JSON]
    rendering: TranslationSampling = TranslationSampling()
    perspective: CameraGroups = field(default_factory=CameraGroups)
    direction: Direction = "source-to-target"
    segmenter: Component | None = None
    source_learners: Mapping[str, Component] = field(default_factory=dict)

    def identity(self) -> dict[str, JSON]:
        """Return everything that decides the numbers; parts that are not used are left out."""
        trains = self.translator is not None and not (self.reads_truth or self.reads_files)
        return {
            **self._optional(),
            "translator": self.translator.identity() if self.translator else None,
            "constraints": [c.identity() for c in self.constraints],
            "learner": self.learner.identity(),
            "strategy": self.strategy,
            "budget": asdict(self.budget) if trains else None,
            "embedding": self.embedding.to_dict(),
            "ranking": self.ranking.to_dict(),
        }

    def _optional(self) -> dict[str, JSON]:
        """Return the parts that few recipes have."""
        learners = {name: c.identity() for name, c in self.source_learners.items()}
        cameras = {"cameras": self.rendering.cameras} if self.by_camera else {}
        codes = {"codes": self.rendering.codes} if self.by_code else {}
        parts: dict[str, JSON] = {
            "source_learners": learners,
            "rendering": {} if self.to_source else {**cameras, **codes},
            "perspective": {side: v for side, v in self.perspective.to_dict().items() if v},
            "direction": self.direction if self.to_source else "",
            "segmenter": self.segmenter.identity() if self.segmenter else {},
        }
        return {name: part for name, part in parts.items() if part}

    @property
    def to_source(self) -> bool:
        """True if the target's test images are translated to the source's style."""
        return self.direction == "target-to-source"

    @cached_property
    def by_code(self) -> bool:
        """True if the translator takes a code that picks one of several translations."""
        return self.translator is not None and self.translator.build().code_size > 0

    @property
    def reads_truth(self) -> bool:
        """True if the true pictures of rendered domains are taken in place of a translation."""
        return self.translator is not None and self.translator.entry.load().reads_truth

    @property
    def reads_files(self) -> bool:
        """True if images that another program translated are taken in place of a translation."""
        return self.translator is not None and self.translator.entry.load().reads_files

    @cached_property
    def mask_readers(self) -> tuple[str, ...]:
        """Names of the translator and the constraints that read person masks."""
        parts = ((self.translator,) if self.translator else ()) + self.constraints
        return tuple(part.name for part in parts if "mask" in part.build().needs)

    @property
    def by_camera(self) -> bool:
        """True if the translator has a domain for each camera of the target."""
        return self.translator is not None and self.translator.entry.load().split == "camera"

    @cached_property
    def digest(self) -> str:
        """Digest of ``identity``."""
        return digest(self.identity())

    @property
    def components(self) -> tuple[Component, ...]:
        """The translator if there is one, the constraints and the learner."""
        return (*((self.translator,) if self.translator else ()), *self.constraints, self.learner)
