"""The segmenter example.

Author et al., "Title", Venue Year. The README tells what departs from the paper.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reidbench.interfaces import Segmenter, within


class Example(Segmenter):
    """Takes the person for an ellipse in the middle of the image.

    One that learns returns images with masks from ``pairs`` and trains in ``fit``.

    Args:
        size: height and width of the ellipse, as a part of the image's.

    Raises:
        ValueError: if the size is not within (0, 1].
    """

    def __init__(self, *, size: float = 0.8) -> None:
        within(0.01, 1, size=size)
        self.size = size

    def build(self) -> nn.Module:
        """Return a network of nothing: there is nothing to learn."""
        return nn.Identity()

    def masks(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return ``[B, 1, H, W]``, 1 in the ellipse."""
        rows, _, height, width = pixels.shape
        y = torch.linspace(-1, 1, height, device=pixels.device)[:, None] / self.size
        x = torch.linspace(-1, 1, width, device=pixels.device)[None] / self.size
        inside = (x.square() + y.square() <= 1).float()
        return inside.expand(rows, 1, height, width)
