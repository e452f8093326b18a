"""The contract of what learns an embedding from labelled images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn
from torch.optim import Optimizer

from reidbench.errors import ReidbenchError, UsageError

if TYPE_CHECKING:
    from reidbench.data.arrays import ImageArray, TargetViews
    from reidbench.engine.loop import Loop


class FeatureLearner(ABC):
    """Learns an embedding from labelled images. Raise ``version`` whenever its numbers change.

    Attributes:
        files: parameters that may name a file of this machine; keys and results hold its name
            only, and ``provenance`` its content's hash.
    """

    version: ClassVar[int] = 1
    files: ClassVar[frozenset[str]] = frozenset()

    def provenance(self) -> Mapping[str, str]:
        """Return the inputs beside the parameters that decide the initial weights: files, by hash.

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

    def adapt(self, model: nn.Module, source: ImageArray, target: TargetViews, loop: Loop) -> None:
        """Train ``model`` in place on labelled images and on the target's, of unknown persons.

        The strategy "source+views" needs it. It steps only by ``loop.run``, as ``fit`` does.

        Args:
            model: a new one, with a classifier over the source's persons.
            source: the source's training images, their persons counted from 0.
            target: the target's training images, each beside its translations to every camera.
            loop: the loop that makes the steps.

        Raises:
            ReidbenchError: if the learner learns from labelled images alone.
        """
        raise ReidbenchError(
            f"{type(self).__name__} does not implement adapt(); strategy 'source+views' needs it"
        )

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
        """Return a score of each person, ``[B, num_pids]``, for ``pixels`` ``[B, 3, H, W]``.

        Any scale does, by which the likeliest person has the largest value. Identity accuracy
        needs it; ``num_pids`` persons count from 0.

        Raises:
            UsageError: if the learner does not classify persons.
        """
        raise UsageError(f"{type(self).__name__} does not classify persons")

    def loss(self, model: nn.Module, pixels: Tensor, pid: Tensor) -> Tensor:
        """Return the identification loss of images ``[B, 3, H, W]`` whose classes are ``pid``.

        Needed where a constraint trains against the model; ``pid`` counts from 0.

        Raises:
            ReidbenchError: if the learner has no such loss.
        """
        raise self._lacks("loss")

    def verification_loss(
        self, model: nn.Module, first: Tensor, second: Tensor, same: Tensor
    ) -> Tensor:
        """Return the loss of telling whether pairs of images show one person.

        Needed where a constraint trains against the model. ``first`` and ``second`` are
        ``[B, 3, H, W]`` in [-1, 1]; ``same`` is ``[B]``, 1 where they do and 0 where not.

        Raises:
            ReidbenchError: if the learner has no such loss.
        """
        raise self._lacks("verification_loss")

    def similarity(self, model: nn.Module, first: Tensor, second: Tensor) -> Tensor:
        """Return a score that each pair of embeddings shows one person.

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
        """Return the optimiser by which ``fit`` descends, for a constraint that trains the model.

        Raises:
            ReidbenchError: if the learner has none to give.
        """
        raise self._lacks("optimizer")

    def _lacks(self, method: str) -> ReidbenchError:
        return ReidbenchError(
            f"{type(self).__name__} does not implement {method}(); a constraint trains against the "
            "learner and needs it"
        )
