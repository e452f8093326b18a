"""The range of pixels that a network was made for."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Range = Literal["imagenet", "half", "none"]

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


def _channels(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values).view(1, -1, 1, 1)
