"""Patches of an image as the generator's own encoder sees them, and their contrast."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reidbench.nn.init import init_xavier
from reidbench.nn.resnet_generator import ResidualBlock, ResNetGenerator


def taps(generator: ResNetGenerator) -> list[int]:
    """Return the layers that patches are taken from, as the paper's appendix C.2 lists them.

    The padded pixels, both convolutions of stride 2, the first and the fifth residual block (the
    last, where there are fewer).
    """
    layers = list(enumerate(generator.layers))
    down = [i for i, layer in layers if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2)]
    blocks = [i for i, layer in layers if isinstance(layer, ResidualBlock)]
    return [0, *down, *sorted({blocks[0], blocks[:5][-1]})]


def encode(generator: ResNetGenerator, pixels: Tensor) -> list[Tensor]:
    """Return the maps ``[B, C, h, w]`` at the taps, of images ``[B, 3, H, W]``."""
    maps, wanted = [], taps(generator)
    for layer in generator.layers[: wanted[-1] + 1]:
        pixels = layer(pixels)
        maps.append(pixels)
    return [maps[i] for i in wanted]


class Heads(nn.Module):
    """An MLP of two layers for each tap, which embeds patches at unit length."""

    def __init__(self, generator: ResNetGenerator, width: int) -> None:
        super().__init__()
        with torch.no_grad():
            maps = encode(generator, torch.zeros(1, 3, 32, 32))
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(m.shape[1], width), nn.ReLU(), nn.Linear(width, width))
            for m in maps
        )
        self.apply(init_xavier)

    def forward(self, maps: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """Return embeddings ``[B, P, width]`` of each map at its places ``[P]``, row by row."""
        chosen = [m.flatten(2)[:, :, at].mT for m, at in zip(maps, places, strict=True)]
        heads = zip(self.layers, chosen, strict=True)
        return [F.normalize(head(patches).float(), dim=2) for head, patches in heads]


def patch_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """Return eq. 2: the cross-entropy of finding a patch's own place among those of its image.

    Args:
        queries: ``[B, P, D]`` patches of drawn images, at unit length.
        keys: ``[B, P, D]`` those of the real images at the same places.
        temperature: tau.
    """
    likeness = queries @ keys.mT / temperature
    own = torch.arange(keys.shape[1], device=keys.device).expand(len(keys), -1)
    return F.cross_entropy(likeness.flatten(0, 1), own.flatten())
