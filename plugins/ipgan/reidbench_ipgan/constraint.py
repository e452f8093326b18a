"""The semantic discriminator of IPGAN.

Liu, Li and Pei, "Identity Preserving Generative Adversarial Network for Cross-Domain Person
Re-identification", section 3.3.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from reidbench.errors import ReidbenchError
from reidbench.interfaces import (
    Clock,
    Context,
    Hop,
    Hops,
    IdentityConstraint,
    at_least,
    to_device,
)

SOURCE = 0  # the source's domain


class SemanticClassifier(IdentityConstraint):
    """D_sem, trained on the source and frozen, has to know the persons in translated images.

    The generators minimise its cross-entropy on G(x_s, c), for target domains c (eq. 7 and 9).

    Args:
        weight: lambda_sem of eq. 9.

    Raises:
        ValueError: if the weight is negative.
    """

    source_learner: ClassVar[str] = "ipgan-baseline"

    def __init__(self, *, weight: float = 1.0) -> None:
        super().__init__()
        at_least(0, weight=weight)
        self.weight = weight

    def setup(self, ctx: Context) -> None:
        """Take the source's classifier over; it never learns again."""
        assert ctx.source_model is not None  # asked for by ``source_learner``
        self.learner, self.model = ctx.source_model.learner, ctx.source_model.model
        self.model.requires_grad_(False)

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        """Return lambda_sem times L_sem, averaged over the images that are translated to a target.

        Raises:
            ReidbenchError: if no hop starts from images of known persons.
        """
        known = [hop for hop in hops if hop.images.labelled]
        if not known:
            raise ReidbenchError("semantic-classifier was given no image of a known person")
        pixels, pid = (torch.cat(parts) for parts in zip(*map(_to_target, known), strict=True))
        if not len(pid):
            return {"semantic": pixels.new_zeros(())}
        self.model.eval()
        return {"semantic": self.weight * self.learner.loss(self.model, pixels, pid)}


def _to_target(hop: Hop) -> tuple[Tensor, Tensor]:
    """Return the images of a hop, and their persons, that left the source's domain."""
    dst = hop.dst if hop.host_dst is None else hop.host_dst
    rows = to_device((dst != SOURCE).nonzero()[:, 0], hop.fake.device)
    return hop.fake[rows], hop.images.pid[rows]
