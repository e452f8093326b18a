"""What the generator and the discriminator play for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class AdversarialLoss:
    """A loss on scores of any range that rises with them.

    Attributes:
        height: what a score costs that is to be low.
        penalised: whether the discriminator's slope is to be 1 (``gradient_penalty``).
    """

    height: Callable[[Tensor], Tensor]
    penalised: bool

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
    "log": AdversarialLoss(F.softplus, penalised=False),
    "wgan-gp": AdversarialLoss(_as_it_is, penalised=True),
}


def gradient_penalty(score: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Return the mean squared distance from 1 of the slope of ``score`` at each image.

    Gulrajani et al., "Improved Training of Wasserstein GANs", NeurIPS 2017, eq. 3.

    Args:
        score: gives scores of any shape, each of one row; a row's are added.
        images: ``[B, 3, H, W]`` where the slope is taken.
    """
    images = images.detach().requires_grad_()
    (slope,) = torch.autograd.grad(score(images).sum(), images, create_graph=True)
    slopes: Tensor = slope.flatten(1).norm(dim=1)
    return (slopes - 1).square().mean()


def between(real: Tensor, fake: Tensor) -> Tensor:
    """Return a random point on the line from each image to its translation."""
    share = torch.rand(len(real), 1, 1, 1).to(real.device)
    return torch.lerp(fake, real, share)
