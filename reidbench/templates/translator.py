"""The translator example.

Author et al., "Title", Venue Year. The README tells what departs from the paper.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reidbench.data.augment import Augmentation
from reidbench.engine.descent import descend, scale_rates
from reidbench.interfaces import (
    Batch,
    Clock,
    Context,
    ExtraLoss,
    Hop,
    Hops,
    Images,
    Log,
    Translator,
    at_least,
    domain_index,
)


class Example(Translator):
    """Matches the mean colours of both domains, and translates back.

    Args:
        width: channels of the networks; benchmarks set it for all translators.
        cycle: weight of the cycle consistency loss.
        lr: learning rate of Adam, held for half of the run, then falling to zero.

    Raises:
        ValueError: if a value is out of range.
    """

    provides = frozenset({"rec"})

    def __init__(self, *, width: int = 64, cycle: float = 10.0, lr: float = 2e-4) -> None:
        super().__init__()
        at_least(1, width=width)
        at_least(0, cycle=cycle, lr=lr)
        self.width, self.cycle, self.lr = width, cycle, lr
        self.augmentation = Augmentation(flip=True)

    def setup(self, ctx: Context) -> None:
        """Build a network for each direction, and their optimiser."""
        self.to_target, self.to_source = self._network(), self._network()
        self.optimizer = torch.optim.Adam(self.parameters(), self.lr, betas=(0.5, 0.999))

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        """Make one step of both networks."""
        scale_rates(self.optimizer, clock.decay(0.5))
        hops = (self._hop(batch.source, batch.target, 1), self._hop(batch.target, batch.source, 0))
        losses = self._losses(hops)
        extra = extra_loss(hops)  # the constraints' sum
        self.report_losses(losses, [pixels for hop in hops for pixels in hop.drawn])
        descend(self.optimizer, torch.stack([*losses.values(), extra]).sum())
        return hops, {name: loss.detach() for name, loss in losses.items()}

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        """Apply the network of the direction; domain 0 is the source."""
        return self._draw(images.pixels, dst)

    def _losses(self, hops: Hops) -> dict[str, Tensor]:
        """Return the weighted losses of the networks by name."""
        colour = [F.mse_loss(h.fake.mean((0, 2, 3)), h.style.mean((0, 2, 3))) for h in hops]
        cycle = [F.l1_loss(h.rec, h.images.pixels) for h in hops if h.rec is not None]
        return {
            "colour": torch.stack(colour).sum(),
            "cycle": self.cycle * torch.stack(cycle).sum(),
        }

    def _hop(self, real: Images, style: Images, dst: int) -> Hop:
        fake = self._draw(real.pixels, dst)
        index = domain_index(len(real), dst, fake.device)
        return Hop(real, fake, style.pixels, index, rec=self._draw(fake, 1 - dst))

    def _draw(self, pixels: Tensor, dst: int) -> Tensor:
        network = self.to_target if dst else self.to_source
        return torch.tanh(network(pixels))

    def _network(self) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, self.width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(self.width, 3, 3, padding=1),
        )
