"""The contracts between the core and its plugins. Configuration is the constructor.

Every component takes keyword-only, annotated parameters whose defaults are JSON-able and equal
the paper's values: that signature serves listing, validation, hashing and ``--set``. Nothing is
built in a constructor; networks and optimisers are built in ``setup`` (or ``build``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from reidbench.errors import ReidbenchError, UsageError
from reidbench.hops import Batch, Hops, Images

if TYPE_CHECKING:
    from reidbench.augment import Augmentation
    from reidbench.clock import Clock
    from reidbench.data.arrays import ImageArray
    from reidbench.training import Log, Loop

ExtraLoss = Callable[[Hops], Tensor]


@dataclass(frozen=True)
class SourceModel:
    """A re-ID model trained on the source's training images, in evaluation mode.

    Attributes:
        learner: whose it is; tells how to use it.
        model: its weights are the receiver's own copy.
    """

    learner: FeatureLearner
    model: nn.Module


@dataclass(frozen=True)
class Context:
    """What a component may know when it builds its networks.

    Attributes:
        image_size: height and width in pixels.
        num_pids: number of labelled identities in the source's training set.
        num_domains: domains the translator tells apart; index 0 is the source.
        device: where the networks will live (the caller moves them there after ``setup``).
        source_model: what a constraint asked for by its ``source_learner``.
    """

    image_size: tuple[int, int]
    num_pids: int
    num_domains: int
    device: torch.device
    source_model: SourceModel | None = None


class Trainable(nn.Module):
    """A module that owns optimisers. Raise ``version`` whenever its numbers change."""

    version: ClassVar[int] = 1

    def optimizers(self) -> dict[str, Optimizer]:
        """Return the optimisers held as attributes, by attribute name; checkpoints use this."""
        return {k: v for k, v in vars(self).items() if isinstance(v, Optimizer)}


class Translator(Trainable, ABC):
    """Translates images between domains.

    Attributes:
        split: which domains it tells apart: the two datasets, or the source and each target camera.
        provides: which of the optional hop fields {"rec", "idt", "grid"} its hops carry.
        augmentation: what is done to the images of each training batch.
    """

    split: ClassVar[Literal["dataset", "camera"]] = "dataset"
    provides: frozenset[str] = frozenset()
    augmentation: Augmentation

    @abstractmethod
    def setup(self, ctx: Context) -> None:
        """Build networks and optimisers."""

    @abstractmethod
    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        """Update the networks once; return the hops made and the losses to show.

        ``extra_loss(hops)`` is the sum of the constraints' weighted terms, to be added to the
        generators' loss; it may be skipped on steps where the generators rest.
        """

    @abstractmethod
    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        """Translate ``images`` of domain ``src`` to domain ``dst``; ``[B, 3, H, W]`` in [-1, 1]."""


class IdentityConstraint(Trainable, ABC):
    """Keeps a person recognisable in translation. It knows hops, never a translator.

    Attributes:
        needs: which of {"rec", "idt", "grid", "mask"} it reads.
        sampling: "pairs" asks for source batches in which rows 2k and 2k+1 form a pair, of the
            same person in half of the pairs; "any" takes what comes.
        source_learner: whose model, trained on the source, it wants in ``setup``: that of the
            learner named, that of the recipe's learner ("learner"), or none ("").
        makes_model: whether ``embedder`` returns a re-ID model, which is one of the recipe's
            learner; the strategy "joint" scores it.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    sampling: ClassVar[Literal["any", "pairs"]] = "any"
    source_learner: ClassVar[str] = ""
    makes_model: bool = False

    @abstractmethod
    def setup(self, ctx: Context) -> None:
        """Build networks and optimisers."""

    @abstractmethod
    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        """Return the weighted terms for the generators; its own parameters are frozen meanwhile."""

    def update(self, hops: Hops, clock: Clock) -> Log:
        """Make its own networks' step on detached hops; return losses to show."""
        return {}

    def embedder(self) -> nn.Module | None:
        """Return the re-ID model it made, if it made one."""
        return None


class FeatureLearner(ABC):
    """Learns an embedding from labelled images. Raise ``version`` whenever its numbers change.

    Attributes:
        files: parameters that may name a file of this machine; keys and results hold its name
            only, and ``provenance`` its content's hash.
    """

    version: ClassVar[int] = 1
    files: ClassVar[frozenset[str]] = frozenset()

    def provenance(self) -> Mapping[str, str]:
        """Return what outside the parameters decides the initial weights (files, by hash).

        It becomes part of the key of every model learned and is shown in the result.
        """
        return {"weights": "random initialisation"}

    @abstractmethod
    def build(self, num_pids: int) -> nn.Module:
        """Return a new model with a classifier over ``num_pids`` persons."""

    def blank(self, num_pids: int) -> nn.Module:
        """Return a model to load trained weights into; override it where ``build`` reads files."""
        return self.build(num_pids)

    @abstractmethod
    def fit(self, model: nn.Module, data: ImageArray, loop: Loop) -> None:
        """Train ``model`` in place on ``data``, stepping only by ``loop.run``."""

    @abstractmethod
    def embed(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return features ``[B, D]`` of ``pixels`` ``[B, 3, H, W]`` in [-1, 1]."""

    def feature_map(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the last feature map ``[B, C, h, w]`` of ``pixels``, before any pooling.

        Raises:
            UsageError: if the learner has none.
        """
        raise UsageError(
            f"{type(self).__name__} gives no feature map to pool; leave embedding.pool at 'learner'"
        )

    def classify(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return how likely each person is, ``[B, num_pids]``, of ``pixels`` ``[B, 3, H, W]``.

        Any scale does, by which the likeliest person has the largest value. Needed to measure how
        well translation keeps identities; ``num_pids`` persons count from 0.

        Raises:
            UsageError: if the learner tells no persons apart.
        """
        raise UsageError(f"{type(self).__name__} does not classify persons")

    def loss(self, model: nn.Module, pixels: Tensor, pid: Tensor) -> Tensor:
        """Return the identification loss of images ``[B, 3, H, W]`` whose classes are ``pid``.

        Needed where a constraint trains against the model; ``pid`` counts from 0.
        """
        raise ReidbenchError(f"{type(self).__name__} tells no identification loss")

    def optimizer(self, model: nn.Module) -> Optimizer:
        """Return what ``fit`` descends ``loss`` with, for a constraint that trains the model."""
        raise ReidbenchError(f"{type(self).__name__} tells no optimiser")
