"""The two networks of StarGAN, as its authors' release builds them.

Choi et al., "StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image
Translation", CVPR 2018, appendix 7.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reidbench.nn.norm import InstanceNorm
from reidbench.nn.pixels import add_to_image

STRIDE = 4  # two convolutions of stride 2: image sides must be multiples of it
LEAST_SIDE = 2 * STRIDE  # pixels; below it there is nothing to normalise within the residual blocks
SLOPE = 0.01


class Generator(nn.Module):
    """Maps images and domains to images: two convolutions down, residual blocks, two up.

    With the defaults and 7 domains it has 8.437 million parameters.

    Args:
        domains: that it is told apart.
        width: channels of the first layer; the residual blocks have four times as many.
        blocks: residual blocks.
        residual: add what the layers draw to the image instead of drawing it anew, in the space
            before ``tanh``. Not the paper's.
    """

    def __init__(
        self, domains: int, width: int = 64, blocks: int = 6, *, residual: bool = False
    ) -> None:
        super().__init__()
        self.domains, self.residual = domains, residual
        stem = [nn.Conv2d(3 + domains, width, 7, 1, 3, bias=False), *_norm_relu(width)]
        down = [*_down(width), *_down(2 * width)]
        middle = [ResidualBlock(STRIDE * width) for _ in range(blocks)]
        up = [*_up(4 * width), *_up(2 * width)]
        head = nn.Conv2d(width, 3, 7, 1, 3, bias=False)
        self.layers = nn.Sequential(*stem, *down, *middle, *up, head)

    def forward(self, pixels: Tensor, domain: Tensor) -> Tensor:
        """Return images ``[B, 3, H, W]`` of ``domain`` ``[B]``, in float32 under any precision."""
        code = F.one_hot(domain, self.domains).to(pixels.dtype)[:, :, None, None]
        maps = code.expand(-1, -1, *pixels.shape[-2:])
        told = torch.cat([pixels, maps], 1).contiguous(memory_format=torch.channels_last)
        drawn = self.layers(told).float()
        return add_to_image(pixels, drawn) if self.residual else torch.tanh(drawn)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around which the input is carried."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            *_norm_relu(channels),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            _norm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the input's shape."""
        y: Tensor = x + self.layers(x)
        return y


class Discriminator(nn.Module):
    """Scores patches of an image as real or not, and tells the domain of the whole image.

    Each layer halves the map; so many are built as leave a pixel of the shorter side, at most
    ``layers``. With the defaults, 7 domains and 128x64 pixels it has 44.75 million parameters.

    Args:
        domains: to tell apart.
        image_size: height and width in pixels; the last map's are those of the domain's kernel.
        width: channels of the first layer; each layer has twice as many as the one before.
        layers: of stride 2.
    """

    def __init__(
        self, domains: int, image_size: tuple[int, int], width: int = 64, layers: int = 6
    ) -> None:
        super().__init__()
        count = min(layers, min(image_size).bit_length() - 1)
        channels = [3, *(width << i for i in range(count))]
        convolutions = [
            module
            for inputs, outputs in pairwise(channels)
            for module in (nn.Conv2d(inputs, outputs, 4, 2, 1), nn.LeakyReLU(SLOPE, inplace=True))
        ]
        height, width = (side >> count for side in image_size)
        self.layers = nn.Sequential(*convolutions)
        self.realness = nn.Conv2d(channels[-1], 1, 3, 1, 1, bias=False)
        self.domain = nn.Conv2d(channels[-1], domains, (height, width), bias=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores ``[B, 1, h, w]`` of being real and logits ``[B, domains]``."""
        maps = self.layers(pixels)
        return self.realness(maps).float(), self.domain(maps).float().flatten(1)


def _norm(channels: int) -> nn.Module:
    return InstanceNorm(channels, channels)


def _norm_relu(channels: int) -> Sequence[nn.Module]:
    return _norm(channels), nn.ReLU(inplace=True)


def _down(channels: int) -> Sequence[nn.Module]:
    double = 2 * channels
    return nn.Conv2d(channels, double, 4, 2, 1, bias=False), *_norm_relu(double)


def _up(channels: int) -> Sequence[nn.Module]:
    half = channels // 2
    return nn.ConvTranspose2d(channels, half, 4, 2, 1, bias=False), *_norm_relu(half)
