"""U-Net: a map of every pixel, from what is around it at several scales.

Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
MICCAI 2015, figure 1.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reidbench.nn.norm import instance_norm


class UNet(nn.Module):
    """Contracts images ``depth`` times by half and expands them again, with skip connections.

    Departures from the paper: convolutions are padded, so that the map has the image's size;
    every one is instance normalised, so that light and contrast of a camera matter little and
    a map does not depend on the rest of the batch; ``width`` is the paper's 64 only if asked for.

    Args:
        width: channels of the first level, twice as many in each deeper one.
        depth: number of times that the sides are halved (4 in the paper).
        maps: number of maps that come out.
    """

    def __init__(self, width: int = 64, depth: int = 4, maps: int = 1) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        pairs = list(pairwise(widths))
        self.first = _block(3, width)
        self.down = nn.ModuleList(_block(wide, deep) for wide, deep in pairs)
        self.grow = nn.ModuleList(nn.ConvTranspose2d(d, w, 2, 2) for w, d in reversed(pairs))
        self.up = nn.ModuleList(_block(2 * wide, wide) for wide, _ in reversed(pairs))
        self.last = nn.Conv2d(width, maps, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits ``[B, maps, H, W]`` of images ``[B, 3, H, W]`` of any size."""
        height, width = pixels.shape[2:]
        x = self.first(self._padded(pixels))
        levels = [x]
        for block in self.down:
            x = block(F.max_pool2d(x, 2))
            levels.append(x)
        levels.pop()
        for grow, block in zip(self.grow, self.up, strict=True):
            x = block(torch.cat([levels.pop(), grow(x)], 1))
        logits: Tensor = self.last(x)
        return logits[:, :, :height, :width].float()

    def _padded(self, pixels: Tensor) -> Tensor:
        """Return images whose sides can be halved so often, their last pixels repeated."""
        step = 2 ** len(self.down)
        below, right = (-side % step for side in pixels.shape[2:])
        if not (below or right):
            return pixels
        return F.pad(pixels, (0, right, 0, below), mode="replicate")


def _block(inputs: int, channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before in (inputs, channels):
        # A bias would be taken off again by the normalisation, which has one of its own.
        layers.append(nn.Conv2d(before, channels, 3, padding=1, bias=False))
        layers += [instance_norm(channels, affine=True), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
