"""What is run, with every value resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from reidbench.errors import UsageError
from reidbench.evaluation.options import RankingOptions
from reidbench.keys import JSON, digest
from reidbench.ranges import at_least
from reidbench.registry import Entry, Strategy

Pool = Literal["learner", "average", "max"]
Parts = Literal[1, 2, 4, 8]


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
        """Construct it.

        Raises:
            UsageError: naming the component, if it refuses a value.
        """
        try:
            return self.entry.load()(**self.parameters)
        except ValueError as error:
            raise UsageError(f"'{self.name}': {error}") from error

    def identity(self) -> dict[str, JSON]:
        """Return what decides its numbers, for keys and results: of a file, only the name."""
        files: frozenset[str] = getattr(self.entry.load(), "files", frozenset())
        shown = {
            name: Path(value).name if name in files and isinstance(value, str) else value
            for name, value in self.parameters.items()
        }
        return {"name": self.name, "version": self.version, "parameters": shown}


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long a translator is trained.

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
class Rendering:
    """Which translations of a source image are learned from.

    Attributes:
        cameras: where the translator tells the target's cameras apart: one translation to each
            ("all"), or to one drawn at random ("one").
    """

    cameras: Literal["all", "one"] = "all"


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """How test images become features.

    Attributes:
        flip: add the features of the mirrored image.
        pool: what pools the last feature map: the learner as it does in training, or the average
            or the maximum over each part (local max pooling, Deng et al., arXiv:1811.10551, 3.4).
        parts: horizontal stripes that the map is cut into, so that features have as many times
            its channels.
    """

    flip: bool = False
    pool: Pool = "learner"
    parts: Parts = 1

    def __post_init__(self) -> None:
        """Refuse parts of what the learner pools itself."""
        if self.parts > 1 and self.pool == "learner":
            raise ValueError(
                f"parts={self.parts} needs a pooling: set pool to 'max' (local max pooling) or "
                "'average'"
            )

    def to_dict(self) -> dict[str, JSON]:
        """Return what decides the features; pooling that is left to the learner is left out."""
        pooling = {"pool": self.pool, "parts": self.parts} if self.pool != "learner" else {}
        return {"flip": self.flip, **pooling}


@dataclass(frozen=True)
class Recipe:
    """What is run: every part resolved.

    Attributes:
        translator: None is direct transfer.
        rendering: used by translators that tell cameras apart.
        source_learners: by constraint, the learner whose source-trained model it starts from.
        modified: what the user set by hand; a ranked result has nothing here.
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
    rendering: Rendering = Rendering()
    source_learners: Mapping[str, Component] = field(default_factory=dict)

    def identity(self) -> dict[str, JSON]:
        """Return what decides its numbers; the parts it does not use are left out."""
        translates = self.translator is not None
        learners = {name: c.identity() for name, c in self.source_learners.items()}
        return {
            **({"source_learners": learners} if learners else {}),
            **({"rendering": asdict(self.rendering)} if self.by_camera else {}),
            "translator": self.translator.identity() if self.translator else None,
            "constraints": [c.identity() for c in self.constraints],
            "learner": self.learner.identity(),
            "strategy": self.strategy,
            "budget": asdict(self.budget) if translates else None,
            "embedding": self.embedding.to_dict(),
            "ranking": self.ranking.to_dict(),
        }

    @property
    def by_camera(self) -> bool:
        """Whether the translator tells the target's cameras apart."""
        return self.translator is not None and self.translator.entry.load().split == "camera"

    @cached_property
    def digest(self) -> str:
        """Digest of ``identity``."""
        return digest(self.identity())

    @property
    def components(self) -> tuple[Component, ...]:
        """The translator if there is one, the constraints and the learner."""
        return (*((self.translator,) if self.translator else ()), *self.constraints, self.learner)
