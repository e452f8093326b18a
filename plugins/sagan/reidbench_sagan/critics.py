"""The critics' side of eq. 1: images, transforms, and the limits of the scores' slopes.

Arjovsky, Chintala and Bottou, "Wasserstein GAN", ICML 2017 (the paper's reference), and Gulrajani
et al., "Improved Training of Wasserstein GANs", NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from reidbench.nn.gradient_penalty import between, gradient_penalty
from reidbench.nn.networks import Networks
from reidbench.nn.patchgan import PatchGAN
from reidbench_sagan.journey import Journey

CLIP = 0.01  # c of algorithm 1 of Arjovsky et al.
HIDDEN = 64
SLOPE = 0.2  # of the leaky ReLUs, as PatchGAN has them

Journeys = tuple[Journey, Journey]
Game = tuple[nn.Module, Tensor, Tensor]  # a critic, what it scores high, what it scores low


class TransformCritic(nn.Module):
    """D_T: scores a transform by its numbers, without bound.

    Args:
        numbers: of a transform.
    """

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(numbers, HIDDEN),
            nn.LeakyReLU(SLOPE),
            nn.Linear(HIDDEN, HIDDEN),
            nn.LeakyReLU(SLOPE),
            nn.Linear(HIDDEN, 1),
        )

    def forward(self, transforms: Tensor) -> Tensor:
        """Return scores ``[B, 1]`` of transforms ``[B, numbers]``, in float32."""
        scores: Tensor = self.layers(transforms).float()
        return scores


class Critics(Networks):
    """D_1 of the target's images, D_2 of the source's, and D_T.

    Args:
        width: channels of the image critics' first layer.
        numbers: of a transform; 0 leaves D_T out.
        penalty: weight of the gradient penalty; None clips the weights instead.
    """

    def __init__(self, width: int, numbers: int, penalty: float | None) -> None:
        super().__init__()
        self.target, self.source = PatchGAN(width), PatchGAN(width)
        self.transform = TransformCritic(numbers) if numbers else None
        self.penalty = penalty

    def losses(self, journeys: Journeys) -> dict[str, Tensor]:
        """Return what the critics minimise (eq. 1, of both directions), nothing else learning."""
        games = [(c, real.detach(), fake.detach()) for c, real, fake in self._games(journeys)]
        losses = {"critics": torch.stack([wasserstein(*game) for game in games]).sum()}
        if self.penalty is not None:
            slopes = [gradient_penalty(averaged(c), between(real, fake)) for c, real, fake in games]
            losses["penalty"] = self.penalty * torch.stack(slopes).sum()
        return losses

    def adversarial(self, journeys: Journeys) -> dict[str, Tensor]:
        """Return what S and G minimise (eq. 1, of both directions).

        S_2 plays for its inverse: D_T is to score (T_yx)^-1 low, as it is to score T_xy high.
        """
        there, back = journeys
        scores = self.target(there.hop.fake).mean() + self.source(back.hop.fake).mean()
        losses = {"adversarial": -scores}
        if self.transform is not None and there.bends and back.bends:
            high, low = self.transform(there.bends.there), self.transform(back.bends.undone)
            losses["transform"] = low.mean() - high.mean()
        return losses

    @torch.no_grad()
    def clip(self) -> None:
        """Bring every weight into [-0.01, 0.01], after each step; nothing under a penalty."""
        if self.penalty is None:
            for parameter in self.parameters():
                parameter.clamp_(-CLIP, CLIP)

    def _games(self, journeys: Journeys) -> Iterator[Game]:
        there, back = journeys
        yield self.target, there.hop.style, there.hop.fake
        yield self.source, back.hop.style, back.hop.fake
        if self.transform is not None and there.bends and back.bends:
            yield self.transform, back.bends.undone, there.bends.there


def wasserstein(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Return what a critic minimises: its mean score of ``fake`` less that of ``real``."""
    scores = critic(torch.cat([real, fake])).split([len(real), len(fake)])
    loss: Tensor = scores[1].mean() - scores[0].mean()
    return loss


def averaged(critic: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return a critic whose score of a row is the mean of the row's scores, ``[B]``."""
    return lambda rows: critic(rows).flatten(1).mean(1)
