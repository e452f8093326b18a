"""SiaNet, the identity constraint of SPGAN.

Deng et al., "Similarity-preserving Image-image Domain Adaptation for Person Re-identification",
arXiv:1811.10551, section 3.2.2; extended from CVPR 2018.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.optim import Adam

from reidbench.clock import Clock
from reidbench.errors import UsageError
from reidbench.hops import Hops
from reidbench.interfaces import Context, IdentityConstraint
from reidbench.nn.descent import descend
from reidbench.ranges import at_least, within
from reidbench.training import Log
from reidbench_spgan.contrastive import contrastive
from reidbench_spgan.network import LEAST_SIDE, SiameseNetwork


class SiaNet(IdentityConstraint):
    """Pulls a translated image to its original and pushes it from the domain it was sent to.

    Positive pairs are (x, G(x)), negative pairs (G(x), y) with y an unpaired image of the
    destination: no identity labels are used. Generators and SiaNet minimise the same loss, in
    turns (eq. 8).

    Args:
        weight: gamma of eq. 7, the weight in the generators' loss.
        margin: m of eq. 6, in [0, 2]; 0 switches the negative pairs off.
        pools: max pooling layers, 3 or 4; the paper counts 3 and lists 4.
        lr: learning rate of Adam.
        beta1: Adam's first decay rate; the second is 0.999.

    Raises:
        ValueError: if a value is out of range.
    """

    def __init__(
        self,
        *,
        weight: float = 2.0,
        margin: float = 2.0,
        pools: Literal[3, 4] = 4,
        lr: float = 2e-4,
        beta1: float = 0.5,
    ) -> None:
        super().__init__()
        at_least(0, weight=weight, lr=lr)
        within(0, 2, margin=margin)
        within(0, 1, beta1=beta1)
        self.weight, self.margin, self.pools = weight, margin, pools
        self.lr, self.beta1 = lr, beta1

    def setup(self, ctx: Context) -> None:
        """Build the siamese network and its optimiser.

        Raises:
            UsageError: if the images are too small for its layers.
        """
        if min(ctx.image_size) < LEAST_SIDE:
            raise UsageError(
                f"sianet needs images of at least {LEAST_SIDE} pixels a side; this benchmark "
                f"has {ctx.image_size[0]}x{ctx.image_size[1]}"
            )
        self.network = SiameseNetwork(ctx.image_size, self.pools)
        self.optimizer = Adam(
            self.network.parameters(), lr=self.lr, betas=(self.beta1, 0.999), fused=True
        )

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        """Return gamma times eq. 6 over all pairs; gradients reach the translated images alone."""
        return {"similarity": self.weight * self._contrast(hops)}

    def update(self, hops: Hops, clock: Clock) -> Log:
        """Let SiaNet itself minimise eq. 6 on detached hops, by one step."""
        loss = self._contrast(hops)
        descend(self.optimizer, loss)
        return {"sianet": loss.detach()}

    def _contrast(self, hops: Hops) -> Tensor:
        """Return eq. 6, averaged over the four kinds of pairs."""
        terms: list[Tensor] = []
        for hop in hops:
            real, fake = self.network(hop.images.pixels), self.network(hop.fake)
            style = self.network(hop.style)
            terms.append(contrastive(real, fake, positive=True, margin=self.margin))
            terms.append(contrastive(fake, style, positive=False, margin=self.margin))
        return torch.stack(terms).mean()
