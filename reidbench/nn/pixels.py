"""The range of pixels that a network was made for."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Range = Literal["imagenet", "half", "none"]

_SATURATED = 1 - 1 / 255  # half a grey level from black and white, where atanh has no end

# Per channel, of images in [0, 1]; "half" is what every image here already has.
_MEANS_AND_DEVIATIONS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5,) * 3, (0.5,) * 3),
    "none": ((0.0,) * 3, (1.0,) * 3),
}


def scale_and_shift(normalisation: Range) -> tuple[Tensor, Tensor]:
    """Return what takes images from [-1, 1] to a range: ``pixels * scale + shift``.

    Args:
        normalisation: of images in [0, 1]: by ImageNet's mean and deviation of each channel, by
            0.5 and 0.5, or not at all.

    Returns:
        Two tensors ``[1, 3, 1, 1]``.
    """
    mean, deviation = (_channels(v) for v in _MEANS_AND_DEVIATIONS[normalisation])
    return 0.5 / deviation, (0.5 - mean) / deviation


def add_to_image(pixels: Tensor, change: Tensor) -> Tensor:
    """Return images changed in the space before ``tanh``: tanh(atanh(pixels) + change).

    A change of zero gives the image back, and none leaves [-1, 1].

    Args:
        pixels: ``[B, 3, H, W]`` in [-1, 1].
        change: ``[B, 3, H, W]`` in float32.
    """
    return torch.tanh(torch.atanh(pixels.float().clamp(-_SATURATED, _SATURATED)) + change)


def _channels(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values).view(1, -1, 1, 1)
