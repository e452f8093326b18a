"""Adversarial losses of generators and discriminators."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class AdversarialLoss:
    """A loss on logits against a label: ``score(logits, real)``.

    Attributes:
        chance: the least loss of a discriminator to which real and fake images look alike.
    """

    score: Callable[[Tensor, bool], Tensor]
    chance: float

    def generator(self, fake: Tensor) -> Tensor:
        """Return the generator's loss: its images are to be scored as real."""
        return self.score(fake, True)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss, halved to slow it against the generator.

        The half is of section 7.1 of the CycleGAN paper.
        """
        return 0.5 * (self.score(real, True) + self.score(fake, False))


def _least_squares(logits: Tensor, real: bool) -> Tensor:
    """Mao et al., "Least Squares Generative Adversarial Networks", ICCV 2017; CycleGAN, 4."""
    return (logits - float(real)).square().mean()


def _log(logits: Tensor, real: bool) -> Tensor:
    """CycleGAN, eq. 1. The generator maximises log D(G(x)): same fixed point, useful gradients."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


ADVERSARIAL: Mapping[str, AdversarialLoss] = {
    "lsgan": AdversarialLoss(_least_squares, chance=0.25),
    "log": AdversarialLoss(_log, chance=math.log(2)),
}
