"""Changes that a translation makes to persons, by their masks."""

from __future__ import annotations

import torch
from torch import Tensor

from reidbench.errors import ReidbenchError
from reidbench.interfaces import Hop, Hops


def foreground_changes(hops: Hops, asks: str) -> list[Tensor]:
    """Return (G(x) - x) M of each hop whose images have masks: ``[B, 3, H, W]`` each.

    M is the person's mask, moved with the image; what a transform brings in from outside the image
    belongs to nobody. The gradient reaches G(x) and, where pixels are moved, x at its new place; it
    does not reach M, because a transform must not gain by moving the person out or making it small.

    Args:
        hops: the translations of a step.
        asks: name of the constraint that asks, for the error.

    Raises:
        ReidbenchError: if no hop has masks.
    """
    changes = [_change(hop, hop.images.mask) for hop in hops if hop.images.mask is not None]
    if not changes:
        raise ReidbenchError(f"{asks}: there are no masks of the images in this batch")
    return changes


def _change(hop: Hop, mask: Tensor) -> Tensor:
    pixels = hop.images.pixels
    moved = hop.align(torch.cat([pixels, mask, torch.ones_like(mask)], 1))
    real, mask, inside = torch.split(moved, [pixels.shape[1], 1, 1], 1)
    # A pixel that shows the picture's edge in part, as ``inside`` tells, is compared in that part.
    return (hop.fake * inside.detach() - real) * mask.detach()
