"""The disentangled cycle: eq. 2 and 3 of SA-GAN."""

from __future__ import annotations

from torch import Tensor


def pixel_cycle(rec: Tensor, pixels: Tensor, seen: Tensor) -> Tensor:
    """Return PCL, the mean absolute difference where the round trip can be compared (eq. 2).

    Args:
        rec: ``[B, 3, H, W]`` images translated there and back.
        pixels: ``[B, 3, H, W]`` the real ones.
        seen: ``[B, 1, H, W]`` in [0, 1], 0 on pixels that left the picture on the way.
    """
    weight = seen.detach()
    total = weight.sum().clamp_min(1.0) * pixels.shape[1]
    return ((rec - pixels).abs() * weight).sum() / total


def spatial_cycle(inverse: Tensor, predicted: Tensor) -> Tensor:
    """Return SCL, how far the way back lies from the inverse of the way there (eq. 3).

    Args:
        inverse: ``[B, P]`` the numbers of (T_xy)^-1.
        predicted: ``[B, P]`` those of T_yx.
    """
    return (inverse - predicted).abs().mean()
