"""Pairs of images that are pulled together or pushed apart."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor

from reidbench.interfaces import Hop, Hops

Negatives = Literal["translated", "real"]


class Pair(NamedTuple):
    """Pairs of images, row by row.

    Attributes:
        first: ``[B, 3, H, W]``.
        second: ``[B, 3, H, W]`` the other image of each pair.
        positive: the two images are to be alike.
    """

    first: Tensor
    second: Tensor
    positive: bool


def pixel_pairs(hops: Hops, negatives: Negatives) -> list[Pair]:
    """Return SPGAN's: (x, G(x)) and, with an unpaired y of the destination, (G(x), y) or (x, y)."""
    pairs: list[Pair] = []
    for hop in hops:
        pushed = hop.fake if negatives == "translated" else hop.images.pixels
        pairs.append(Pair(hop.images.pixels, hop.fake, True))
        pairs.append(Pair(pushed, hop.style, False))
    return pairs


def spatial_pairs(hops: Hops) -> list[Pair]:
    """Return SA-GAN's: (X, X_S), (X, X_Adp), (X, Y_S) and (X, Y).

    X_S is the image as its hop moves its pixels, Y_S an unpaired image of the destination as its
    own hop does. There are none where no pixels are moved, and no Y_S of an image that the hops do
    not translate.
    """
    moved = {id(hop.images.pixels): _moved(hop) for hop in hops}
    pairs: list[Pair] = []
    for hop in hops:
        real = hop.images.pixels
        kinds = [
            (moved[id(real)], True),
            (hop.fake, True),
            (moved.get(id(hop.style)), False),
            (hop.style, False),
        ]
        pairs += [Pair(real, other, positive) for other, positive in kinds if other is not None]
    return pairs


def _moved(hop: Hop) -> Tensor | None:
    return None if hop.grid is None else hop.align(hop.images.pixels)
