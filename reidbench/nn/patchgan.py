"""The patch discriminator of pix2pix and CycleGAN.

Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017,
section 6.1.2.
"""

from torch import Tensor, nn

from reidbench.nn.init import INITS, Init
from reidbench.nn.norm import instance_norm

LEAST_SIDE = 24  # pixels; below it the map of scores is empty


class PatchGAN(nn.Module):
    """Scores every 70x70 patch of an image as real or not, by logits.

    With the defaults it has 2.765 million parameters, with or without normalisation.

    Args:
        width: channels of the first layer.
        norm: normalise the three middle layers by instance.
        affine: learn a scale and an offset with each normalisation.
        same_padding: keep the size of the last two layers' maps.
        init: distribution of the initial weights.
    """

    def __init__(
        self,
        width: int = 64,
        *,
        norm: bool = False,
        affine: bool = False,
        same_padding: bool = False,
        init: Init = "normal",
    ) -> None:
        super().__init__()
        # Kernels of even size cannot keep a map's size alone; these two do it together.
        first, last = ((1, 2), (2, 1)) if same_padding else ((1, 1), (1, 1))
        layers = [nn.Conv2d(3, width, 4, 2, 1), _leaky()]
        for inputs, stride, padding in ((1, 2, (1, 1)), (2, 2, (1, 1)), (4, 1, first)):
            channels = 2 * inputs * width
            layers.append(nn.Conv2d(inputs * width, channels, 4, stride, padding))
            layers += [instance_norm(channels, affine=affine)] if norm else []
            layers.append(_leaky())
        self.layers = nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, last))
        self.apply(INITS[init])

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits ``[B, 1, h, w]`` of images ``[B, 3, H, W]``.

        h = H / 8 - 2, or H / 8 with ``same_padding``; w likewise.
        """
        return self.layers(pixels).float()  # type: ignore[no-any-return]


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2, inplace=True)
