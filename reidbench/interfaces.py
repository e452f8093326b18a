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


@dataclass(frozen=True)
class Warp:
    """Where a translation moves the pixels to.

    Attributes:
        parameters: ``[B, P]`` what decides the transform; of a homography its matrix ``[3, 3]`` row
            by row, which takes a point ``(x, y, 1)`` of the real image to where the translated one
            shows it. Both in [-1, 1] from the left and upper border to the right and lower one.
        grid: ``[B, H, W, 2]`` the point of the real image that each pixel is sampled from, as
            ``torch.nn.functional.grid_sample`` has it without ``align_corners``.
    """

    parameters: Tensor
    grid: Tensor


class Trainable(nn.Module):
    """A module that owns optimisers. Raise ``version`` whenever its numbers change.

    Attributes:
        later: parameters that were added after results had been made, whose defaults change
            nothing: keys leave them out at their defaults, so that those results stay valid.
    """

    version: ClassVar[int] = 1
    later: ClassVar[frozenset[str]] = frozenset()

    def optimizers(self) -> dict[str, Optimizer]:
        """Return the optimisers held as attributes, by attribute name; checkpoints use this."""
        return {k: v for k, v in vars(self).items() if isinstance(v, Optimizer)}


class Translator(Trainable, ABC):
    """Translates images between domains.

    Attributes:
        split: which domains it tells apart: the two datasets, or the source and each target camera.
        provides: which of the optional hop fields {"rec", "idt", "grid"} its hops carry.
        needs: {"mask"} if it reads person masks.
        code_size: length of the code, drawn from a normal distribution, that picks one of several
            translations of an image; 0 if there is one.
        augmentation: what is done to the images of each training batch.
    """

    split: ClassVar[Literal["dataset", "camera"]] = "dataset"
    provides: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    code_size: int = 0
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
        """Translate ``images`` of domain ``src`` to domain ``dst``; ``[B, 3, H, W]`` in [-1, 1].

        ``code`` is ``[B, code_size]``; None is the mean of its distribution, zeros.
        """

    def warp(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Warp | None:
        """Return where ``translate`` moves the pixels of the same images and code to.

        None if it moves none.
        """
        return None


class IdentityConstraint(Trainable, ABC):
    """Keeps a person recognisable in translation. It knows hops, never a translator.

    Attributes:
        needs: which of {"rec", "idt", "grid", "mask"} it reads.
        sampling: "pairs" asks for source batches in which rows 2k and 2k+1 form a pair, of the
            same person in half of the pairs; "any" takes what comes.
        source_learner: whose model, trained on the source, it wants in ``setup``: that of the
            learner named, that of the recipe's learner ("learner"), or none ("").
        source_asks: name of the ``FeatureLearner`` method that it trains against.
        makes_model: whether ``embedder`` returns a re-ID model, which is one of the recipe's
            learner; the strategy "joint" scores it.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    sampling: ClassVar[Literal["any", "pairs"]] = "any"
    source_learner: ClassVar[str] = ""
    source_asks: ClassVar[Literal["loss", "verification_loss"]] = "loss"
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

    def verification_loss(
        self, model: nn.Module, first: Tensor, second: Tensor, same: Tensor
    ) -> Tensor:
        """Return the loss of telling whether pairs of images show one person.

        Needed where a constraint trains against the model. ``first`` and ``second`` are
        ``[B, 3, H, W]`` in [-1, 1]; ``same`` is ``[B]``, 1 where they do and 0 where not.
        """
        raise ReidbenchError(f"{type(self).__name__} tells no verification loss")

    def similarity(self, model: nn.Module, first: Tensor, second: Tensor) -> Tensor:
        """Return how likely each of some embeddings is of the same person as each of others.

        Args:
            model: the embeddings' own.
            first: ``[N, D]``.
            second: ``[M, D]``.

        Returns:
            ``[N, M]``, on any scale by which likelier pairs have larger values.

        Raises:
            UsageError: if the learner verifies no pairs.
        """
        raise UsageError(
            f"{type(self).__name__} verifies no pairs; leave embedding.retrieval at 'features'"
        )

    def optimizer(self, model: nn.Module) -> Optimizer:
        """Return what ``fit`` descends ``loss`` with, for a constraint that trains the model."""
        raise ReidbenchError(f"{type(self).__name__} tells no optimiser")
