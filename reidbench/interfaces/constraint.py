"""The contract of identity constraints, which keep persons recognisable in translation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from torch import Tensor, nn

from reidbench.interfaces.context import Context
from reidbench.interfaces.hop import Hops
from reidbench.interfaces.log import Log
from reidbench.interfaces.trainable import Trainable

if TYPE_CHECKING:
    from reidbench.interfaces.clock import Clock


class IdentityConstraint(Trainable, ABC):
    """Keeps a person recognisable in translation. It knows hops, never a translator.

    Attributes:
        needs: the fields it reads, of {"rec", "idt", "grid", "mask"}.
        sampling: "pairs" asks for source batches in which rows 2k and 2k+1 form a pair, of the
            same person in half of the pairs; "any" takes what comes.
        source_learner: name of the learner whose source-trained model it gets in ``setup``;
            "learner" is the recipe's own learner, "" asks for no model.
        source_asks: name of the ``FeatureLearner`` method that it trains against.
        makes_model: True if ``embedder`` returns a re-ID model, as the recipe's learner makes
            them; the strategy "joint" scores it.
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
