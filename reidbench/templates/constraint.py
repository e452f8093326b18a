"""The identity constraint example.

Author et al., "Title", Venue Year. The README tells what departs from the paper.
"""

from __future__ import annotations

import torch
from torch import Tensor

from reidbench.interfaces import Clock, Context, Hops, IdentityConstraint, at_least


class Example(IdentityConstraint):
    """Keeps the lightness of each pixel.

    Args:
        weight: of its loss in the generators'; 0 switches it off.

    Raises:
        ValueError: if the weight is negative.
    """

    def __init__(self, *, weight: float = 1.0) -> None:
        super().__init__()
        at_least(0, weight=weight)
        self.weight = weight

    def setup(self, ctx: Context) -> None:
        """Build nothing: it has no networks."""

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        """Return the weighted mean difference of lightness before and after translation."""
        changes = [(hop.fake.mean(1) - hop.images.pixels.mean(1)).abs().mean() for hop in hops]
        return {"lightness": self.weight * torch.stack(changes).sum()}
