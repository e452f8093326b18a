"""Layers that keep maps in the layout and the precision they come in."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STD = 0.02  # of the initial scales, as the releases of CycleGAN and SPGAN draw them
CHANNELS_LAST = torch.channels_last


class InstanceNorm(nn.GroupNorm):
    """Instance normalisation without running statistics.

    A group normalisation with one group a channel: the same function as ``nn.InstanceNorm2d``,
    without forcing a memory layout. On CPU the gradient of channels-last maps is computed here,
    where PyTorch takes many times as long for it.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return maps ``[B, C, H, W]``, of mean 0 and variance 1 in each channel of each row."""
        if x.device.type != "cpu" or not x.is_contiguous(memory_format=CHANNELS_LAST):
            return super().forward(x)
        y: Tensor = _Normalise.apply(x, self.eps)
        if not self.affine:
            return y
        scale, offset = (p.to(y.dtype)[:, None, None] for p in (self.weight, self.bias))
        return torch.addcmul(offset, y, scale)


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, epsilon: float) -> Tensor:
        rows, channels, *places = x.shape
        y, mean, rate = torch.native_group_norm(
            x, None, None, rows, channels, places[0] * places[1], channels, epsilon
        )
        ctx.save_for_backward(x, mean, rate)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return rate (g - mean(g) - z mean(g z)), with z the normalised maps."""
        x, mean, rate = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=CHANNELS_LAST)
        exact = torch.promote_types(x.dtype, torch.float32)  # what the sums are made in
        mean, rate = (t.to(exact)[:, :, None, None] for t in (mean, rate))
        average = gradient.mean((2, 3), keepdim=True, dtype=exact)
        product = (gradient * x).mean((2, 3), keepdim=True, dtype=exact)
        slope = rate.pow(3) * (product - mean * average)
        offset = slope * mean - rate * average
        rate, slope, offset = (t.to(gradient.dtype) for t in (rate, slope, offset))
        return (gradient * rate).addcmul_(x, slope, value=-1).add_(offset), None


class ReflectionPad(nn.ReflectionPad2d):
    """Reflection padding that autocast does not widen to float32: it computes nothing."""

    def forward(self, x: Tensor) -> Tensor:
        """Return maps ``[B, C, H, W]`` with their borders mirrored."""
        with torch.autocast(x.device.type, enabled=False):
            return F.pad(x, self.padding, mode="reflect")


def instance_norm(channels: int, *, affine: bool = False) -> InstanceNorm:
    """Return instance normalisation.

    Args:
        channels: of the maps.
        affine: learn a scale and an offset.
    """
    layer = InstanceNorm(channels, channels, affine=affine)
    if affine:
        nn.init.normal_(layer.weight, 1.0, STD)
    return layer
