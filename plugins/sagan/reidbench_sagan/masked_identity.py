"""The mask identity loss of SA-GAN, eq. 5."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from reidbench.interfaces import Clock, Context, Hops, IdentityConstraint, at_least
from reidbench.nn.foreground import foreground_changes


class MaskedIdentity(IdentityConstraint):
    """Keeps a person's pixels as they are, up to where they are moved: |G(S(x)) M - S(x) M|.

    M is the person's mask, moved with the image; what a transform brings in from outside the image
    belongs to nobody. Where a translator moves no pixels, S(x) is x. The gradient reaches the
    translated image and S(x). It does not reach M: a transform must not gain by moving the person
    out or making it small. The norm, which the paper leaves open, is the mean absolute value over
    all pixels and channels, as of the other losses of this kind.

    Args:
        weight: lambda_idt of eq. 7, which the paper leaves open; SPGAN's identity loss has 5.

    Raises:
        ValueError: if the weight is negative.
    """

    version: ClassVar[int] = 2
    needs: ClassVar[frozenset[str]] = frozenset({"mask"})

    def __init__(self, *, weight: float = 5.0) -> None:
        super().__init__()
        at_least(0, weight=weight)
        self.weight = weight

    def setup(self, ctx: Context) -> None:
        """Build nothing: it has no networks."""

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        """Return lambda_idt times eq. 5, summed over the directions whose images have masks.

        Raises:
            ReidbenchError: if none have.
        """
        terms = [change.abs().mean() for change in foreground_changes(hops, "masked-identity")]
        return {"masked_identity": self.weight * torch.stack(terms).sum()}
