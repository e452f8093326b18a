"""The patch discriminator of pix2pix and CycleGAN.

Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017,
section 6.1.2.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from reidbench.nn.init import init_normal
from reidbench.nn.norm import instance_norm

LEAST_SIDE = 24  # pixels; below it the map of scores is empty


class PatchGAN(nn.Module):
    """Scores every 70x70 patch of an image as real or not, by logits.

    With the defaults it has 2.765 million parameters, with or without normalisation.

    Args:
        width: channels of the first layer.
        norm: whether the three middle layers are instance normalised.
    """

    def __init__(self, width: int = 64, *, norm: bool = False) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1),
            _leaky(),
            *_layer(width, 2 * width, 2, norm),
            *_layer(2 * width, 4 * width, 2, norm),
            *_layer(4 * width, 8 * width, 1, norm),
            nn.Conv2d(8 * width, 1, 4, 1, 1),
        )
        self.apply(init_normal)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits ``[B, 1, h, w]`` of images ``[B, 3, H, W]``; h = H / 8 - 2."""
        return self.layers(pixels).float()  # type: ignore[no-any-return]


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2, inplace=True)


def _layer(inputs: int, outputs: int, stride: int, norm: bool) -> Sequence[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, 4, stride, 1)
    return (conv, instance_norm(outputs), _leaky()) if norm else (conv, _leaky())
