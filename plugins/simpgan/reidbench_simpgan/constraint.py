"""The similarity consistency loss of SimPGAN.

Lv and Wang, "Cross-dataset Person Re-Identification Using Similarity Preserved Generative
Adversarial Networks", KSEM 2018, section 4.3.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from reidbench.errors import ReidbenchError
from reidbench.interfaces import Clock, Context, Hops, IdentityConstraint, at_least

IMAGES = 2
"""Images in a pair. Eq. 6 to 9 and the cycle loss sum over both, translators average over all
images: half of eq. 10 keeps the ratio of eq. 11."""


class SimilarityConsistency(IdentityConstraint):
    """Pairs of source images have to be verified as well after a whole cycle.

    The generators minimise L_v(F(G(I1)), F(G(I2))) (eq. 10), judged by the siamese classifier,
    which was trained on the source and never learns again.

    Args:
        weight: lambda2 of eq. 11.

    Raises:
        ValueError: if the weight is negative.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"rec"})
    sampling: ClassVar[Literal["any", "pairs"]] = "pairs"
    source_learner: ClassVar[str] = "siamese"
    source_asks: ClassVar[Literal["loss", "verification_loss"]] = "verification_loss"

    def __init__(self, *, weight: float = 1.0) -> None:
        super().__init__()
        at_least(0, weight=weight)
        self.weight = weight

    def setup(self, ctx: Context) -> None:
        """Take the source's classifier over, frozen."""
        assert ctx.source_model is not None  # asked for by ``source_learner``
        self.learner, self.model = ctx.source_model.learner, ctx.source_model.model
        self.model.requires_grad_(False)

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        """Return lambda2 times L_sim, an image's share, averaged over the pairs.

        Raises:
            ReidbenchError: if no hop starts from images of known persons.
        """
        known = [hop for hop in hops if hop.images.labelled]
        if not known:
            raise ReidbenchError("similarity-consistency was given no image of a known person")
        cycled = torch.cat([hop.rec for hop in known if hop.rec is not None])
        pid = torch.cat([hop.images.pid for hop in known])
        self.model.eval()
        same = pid[0::2] == pid[1::2]
        loss = self.learner.verification_loss(self.model, cycled[0::2], cycled[1::2], same)
        return {"similarity": self.weight * loss / IMAGES}
