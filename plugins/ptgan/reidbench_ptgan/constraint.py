"""L_ID, the foreground loss of PTGAN.

Wei et al., "Person Transfer GAN to Bridge Domain Gap for Person Re-Identification", CVPR 2018,
section 4.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from reidbench.interfaces import Clock, Context, Hops, IdentityConstraint, at_least
from reidbench.nn.foreground import foreground_changes


class Foreground(IdentityConstraint):
    """Keeps a person's pixels as they are: ||(G(a) - a) M(a)||^2, in both directions.

    M is the person's mask. The squares are averaged over all pixels and channels, as the losses of
    CycleGAN are, so that the weight does not hang on the size of the images.

    Args:
        weight: lambda_1 of the full objective.

    Raises:
        ValueError: if the weight is negative.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"mask"})

    def __init__(self, *, weight: float = 10.0) -> None:
        super().__init__()
        at_least(0, weight=weight)
        self.weight = weight

    def setup(self, ctx: Context) -> None:
        """Build nothing: it has no networks."""

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        """Return lambda_1 L_ID, summed over the directions whose images have masks.

        Raises:
            ReidbenchError: if none have.
        """
        terms = [change.square().mean() for change in foreground_changes(hops, "foreground")]
        return {"foreground": self.weight * torch.stack(terms).sum()}
