"""The residual generator of CycleGAN.

Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
ICCV 2017, appendix 7.2 (after Johnson et al., ECCV 2016).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reidbench.nn.init import INITS, Init
from reidbench.nn.norm import ReflectionPad, instance_norm
from reidbench.nn.pixels import add_to_image

STRIDE = 4  # two convolutions of stride 2: image sides must be multiples of it


class ResNetGenerator(nn.Module):
    """Maps images to images: two convolutions down, residual blocks, two up.

    With the defaults it has the published network's 11.378 million parameters. Biases before a
    normalisation do nothing; they are kept because the authors' release has them.

    Args:
        width: channels of the first layer; the residual blocks have four times as many.
        blocks: residual blocks; 9 in the paper for images of 256 pixels, 6 for 128.
        affine: learn a scale and an offset with each normalisation.
        init: distribution of the initial weights.
        inputs: channels of what it maps; more than 3 tell it more than the image.
        residual: add what the layers draw to the image instead of drawing it anew, in the space
            before ``tanh``; with few training steps it starts near the identity. Not the paper's.
    """

    def __init__(
        self,
        width: int = 64,
        blocks: int = 9,
        *,
        affine: bool = False,
        init: Init = "normal",
        inputs: int = 3,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.residual = residual
        stem = [ReflectionPad(3), nn.Conv2d(inputs, width, 7), *_norm_relu(width, affine)]
        middle = [ResidualBlock(STRIDE * width, affine=affine) for _ in range(blocks)]
        head = [ReflectionPad(3), nn.Conv2d(width, 3, 7)]
        down = [*_down(width, affine), *_down(2 * width, affine)]
        up = [*_up(4 * width, affine), *_up(2 * width, affine)]
        self.layers = nn.Sequential(*stem, *down, *middle, *up, *head)
        self.apply(INITS[init])

    def forward(self, pixels: Tensor) -> Tensor:
        """Return images ``[B, 3, H, W]`` in [-1, 1] for ``[B, inputs, H, W]``.

        They are in float32 under any precision.
        """
        drawn = self.layers(pixels).float()
        return add_to_image(pixels[:, :3], drawn) if self.residual else torch.tanh(drawn)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around which the input is carried."""

    def __init__(self, channels: int, *, affine: bool = False) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ReflectionPad(1),
            nn.Conv2d(channels, channels, 3),
            *_norm_relu(channels, affine),
            ReflectionPad(1),
            nn.Conv2d(channels, channels, 3),
            instance_norm(channels, affine=affine),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the input's shape."""
        y: Tensor = x + self.layers(x)
        return y


def _norm_relu(channels: int, affine: bool) -> Sequence[nn.Module]:
    return instance_norm(channels, affine=affine), nn.ReLU(inplace=True)


def _down(channels: int, affine: bool) -> Sequence[nn.Module]:
    return nn.Conv2d(channels, 2 * channels, 3, 2, 1), *_norm_relu(2 * channels, affine)


def _up(channels: int, affine: bool) -> Sequence[nn.Module]:
    half = channels // 2
    return nn.ConvTranspose2d(channels, half, 3, 2, 1, 1), *_norm_relu(half, affine)
