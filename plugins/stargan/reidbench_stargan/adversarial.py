"""Adversarial losses of the generator and the discriminator."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class AdversarialLoss:
    """A loss on scores of any range that rises with them.

    Attributes:
        height: cost of a score that is to be low.
        penalised: the discriminator's slope is to be 1 (``gradient_penalty``).
        chance: the least loss of a discriminator to which real and fake images look alike; None
            where scores have no zero.
    """

    height: Callable[[Tensor], Tensor]
    penalised: bool
    chance: float | None

    def generator(self, fake: Tensor) -> Tensor:
        """Return the generator's loss: its images are to be scored high."""
        return self.height(-fake).mean()

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss: the negative of eq. 1 of IPGAN, or of the distance."""
        return self.height(-real).mean() + self.height(fake).mean()


def _as_it_is(scores: Tensor) -> Tensor:
    return scores


ADVERSARIAL: Mapping[str, AdversarialLoss] = {
    # -log(1 - D) of logits. The generator maximises log D: same fixed point, useful gradients.
    "log": AdversarialLoss(F.softplus, penalised=False, chance=2 * math.log(2)),
    "wgan-gp": AdversarialLoss(_as_it_is, penalised=True, chance=None),
}
