"""The localisation network of a spatial transformer.

Jaderberg et al., "Spatial Transformer Networks", NeurIPS 2015; the layers are ours, as SA-GAN's
text names none.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

POOLED = (4, 2)
SLOPE = 0.2


class Localisation(nn.Module):
    """Predicts the numbers of a transform from an image and a code.

    The code is concatenated with the image, each of its numbers as a channel that is constant over
    the image (section III-B). There is no normalisation: over an image it would take a constant
    channel away, over a batch it would tie the rows together. Strided convolutions, as many as
    leave at least 4x2 values, then their means over a 4x2 raster, so that a place can be told, and
    two linear layers. The last starts at zero: every transform starts at the identity.

    Args:
        image_size: height and width in pixels.
        channels: of the images; 4 with a mask.
        code_size: numbers of the code.
        outputs: numbers to predict.
        width: channels of the first convolution; they double up to eight times as many.
    """

    def __init__(
        self, image_size: tuple[int, int], channels: int, code_size: int, outputs: int, width: int
    ) -> None:
        super().__init__()
        widths = [width * 2 ** min(layer, 3) for layer in range(_depth(image_size))]
        self.convolutions = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(i, o, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE))
                for i, o in zip([channels + code_size, *widths], widths, strict=False)
            )
        )
        self.pool = nn.AdaptiveAvgPool2d(POOLED)
        self.hidden = nn.Linear(widths[-1] * POOLED[0] * POOLED[1], 8 * width)
        self.activation = nn.LeakyReLU(SLOPE)
        self.last = nn.Linear(8 * width, outputs)
        self.apply(_keep_variance)
        nn.init.zeros_(self.last.weight)

    def forward(self, images: Tensor, code: Tensor) -> Tensor:
        """Return ``[B, outputs]`` of images ``[B, C, H, W]`` and codes ``[B, code_size]``."""
        spread = code[:, :, None, None].expand(-1, -1, *images.shape[2:])
        maps = self.pool(self.convolutions(torch.cat([images, spread.to(images)], 1)))
        predicted: Tensor = self.last(self.activation(self.hidden(maps.flatten(1))))
        return predicted


def _keep_variance(module: nn.Module) -> None:
    """Draw weights by which no layer, without normalisation, weakens what it is given (He)."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, SLOPE)
        assert module.bias is not None
        nn.init.zeros_(module.bias)


def _depth(image_size: tuple[int, int]) -> int:
    """Return how many halvings leave at least 4x2 values; at least one, at most five."""
    halvings = min(
        (side // least).bit_length() - 1 for side, least in zip(image_size, POOLED, strict=True)
    )
    return min(max(halvings, 1), 5)
