"""Layers that keep maps in the layout and the precision they come in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STD = 0.02  # of the initial scales, as the releases of CycleGAN and SPGAN draw them
CHANNELS_LAST = torch.channels_last

Place = tuple[slice, slice, slice, slice]


class InstanceNorm(nn.GroupNorm):
    """Instance normalisation without running statistics.

    A group normalisation with one group a channel: the same function as ``nn.InstanceNorm2d``,
    without forcing a memory layout, with statistics in float32 at least. PyTorch's own is many
    times as slow with channels-last maps: its gradient on a CPU; and on an accelerator it copies
    them to another layout, and autocast widens them to float32.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return maps ``[B, C, H, W]``, of mean 0 and variance 1 in each channel of each row."""
        if torch.compiler.is_compiling():
            return self._traced(x)
        if x.device.type != "cpu":
            with _left_alone(x.device.type):
                made: Tensor = _OnAccelerator.apply(x, self.weight, self.bias, self.eps)
            return made
        if not x.is_contiguous(memory_format=CHANNELS_LAST):
            return super().forward(x)
        y: Tensor = _OnCPU.apply(x, self.eps)
        if not self.affine:
            return y
        scale, offset = (p.to(y.dtype)[:, None, None] for p in (self.weight, self.bias))
        return torch.addcmul(offset, y, scale)

    def _traced(self, x: Tensor) -> Tensor:
        """Return the same in plain arithmetic, which a compiler joins with what stands around it.

        It keeps the maps as they come for the gradient, and widens them anew there.
        """
        with torch.autocast(x.device.type, enabled=False):
            wide = x.to(_exact(x))
            variance, mean = torch.var_mean(wide, (2, 3), correction=0, keepdim=True)
            y = (wide - mean) * torch.rsqrt(variance + self.eps)
            if self.affine:
                y = y * self.weight[:, None, None] + self.bias[:, None, None]
            return y.to(x.dtype)


def _left_alone(device: str) -> AbstractContextManager[None]:
    """Return a context without autocast; some devices, such as "meta", have none."""
    there = torch.amp.is_autocast_available(device)
    return torch.autocast(device, enabled=False) if there else nullcontext()


class _OnCPU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, epsilon: float) -> Tensor:
        rows, channels, *places = x.shape
        y, mean, rate = torch.native_group_norm(
            x, None, None, rows, channels, places[0] * places[1], channels, epsilon
        )
        ctx.save_for_backward(x, mean, rate)
        ctx.epsilon = epsilon
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return rate (g - mean(g) - z mean(g z)), with z the normalised maps."""
        x, mean, rate = _saved(ctx)
        gradient = gradient.contiguous(memory_format=CHANNELS_LAST)
        exact = _exact(x)  # what the sums are made in
        mean, rate = (t.to(exact).view(*x.shape[:2], 1, 1) for t in (mean, rate))
        average = gradient.mean((2, 3), keepdim=True, dtype=exact)
        product = (gradient * x).mean((2, 3), keepdim=True, dtype=exact)
        slope = rate.pow(3) * (product - mean * average)
        offset = slope * mean - rate * average
        rate, slope, offset = (t.to(gradient.dtype) for t in (rate, slope, offset))
        return (gradient * rate).addcmul_(x, slope, value=-1).add_(offset), None


class _OnAccelerator(torch.autograd.Function):
    """Few passes over the maps, each in the maps' own precision and layout."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, epsilon: float
    ) -> Tensor:
        mean, variance = _moments(x)
        rate = torch.rsqrt(variance + epsilon)
        ctx.save_for_backward(x, mean, rate, weight)
        ctx.epsilon = epsilon
        scale = rate if weight is None else rate * weight[:, None, None]
        offset = -mean * scale
        return _scaled(x, scale, offset if bias is None else offset + bias[:, None, None])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None]:
        """Return the gradients of maps, scale and offset; see ``_OnCPU`` for the maps'."""
        x, mean, rate, weight = _saved(ctx)
        places, exact = x[0, 0].numel(), _exact(x)
        total = gradient.sum((2, 3), keepdim=True, dtype=exact)
        product = (gradient * x).sum((2, 3), keepdim=True, dtype=exact)
        likeness = rate * (product - mean * total)  # the sum of g z
        scale = rate if weight is None else rate * weight[:, None, None]
        slope = -scale * rate * likeness / places
        offset = -slope * mean - scale * total / places
        found = _scaled(gradient, scale, _scaled(x, slope, offset))
        if weight is None:
            return found, None, None, None
        return found, likeness.sum(0).flatten(), total.sum(0).flatten(), None


def _saved(ctx: Any) -> tuple[Any, ...]:
    """Return what was saved; statistics as functions of the maps, if these are to be derived."""
    x, mean, rate, *rest = ctx.saved_tensors
    if torch.is_grad_enabled():
        mean, variance = _moments(x)
        rate = torch.rsqrt(variance + ctx.epsilon)
    return x, mean, rate, *rest


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance ``[B, C, 1, 1]`` in float32 at least, without wider maps."""
    if x.dtype == _exact(x):
        variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
        return mean, variance
    # Their difference loses digits where a mean is large; the maps have far fewer of them.
    mean = x.mean((2, 3), keepdim=True, dtype=torch.float32)
    norm = torch.linalg.vector_norm(x, 2, (2, 3), keepdim=True, dtype=torch.float32)
    return mean, (norm.square() / x[0, 0].numel() - mean.square()).clamp(min=0)


def _scaled(x: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
    """Return ``x scale + offset``, computed wide and kept as ``x`` is, in one pass."""
    if torch.is_grad_enabled():  # a gradient of the gradient is wanted
        return (x * scale + offset).to(x.dtype)
    made = torch.empty_like(x)
    return torch.addcmul(offset, x, scale, out=made)


def _exact(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)


class ReflectionPad(nn.ReflectionPad2d):
    """Reflection padding that autocast does not widen to float32: it computes nothing.

    On an accelerator PyTorch's own copies channels-last maps to another layout, and its gradient
    is not repeatable.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return maps ``[B, C, H, W]`` with their borders mirrored."""
        if x.device.type != "cpu" and not torch.compiler.is_compiling():
            made: Tensor = _Mirrored.apply(x, self.padding[0])
            return made
        with torch.autocast(x.device.type, enabled=False):
            return F.pad(x, self.padding, mode="reflect")


class _Mirrored(torch.autograd.Function):
    """Padding by slices, which are copied from the maps and added up for the gradient in order."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, pad: int) -> Tensor:
        last = x.is_contiguous(memory_format=CHANNELS_LAST)
        ctx.pad, ctx.layout = pad, CHANNELS_LAST if last else torch.contiguous_format
        shape = *x.shape[:2], x.shape[2] + 2 * pad, x.shape[3] + 2 * pad
        made = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=ctx.layout)
        for padded, maps, mirrored in _regions(pad):
            made[padded] = x[maps].flip(mirrored)
        return made

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of each place's copies, summed."""
        (middle, _, _), *borders = _regions(ctx.pad)
        found = gradient[middle].clone(memory_format=ctx.layout)
        for padded, maps, mirrored in borders:
            found[maps] += gradient[padded].flip(mirrored)
        return found, None


def _regions(pad: int) -> Iterator[tuple[Place, Place, list[int]]]:
    """Yield places of padded maps, the places of the maps they are copies of, and mirrored axes.

    The middle, which is not mirrored, comes first.
    """
    own = (slice(pad, -pad), slice(None), False)
    first = (slice(None, pad), slice(1, pad + 1), True)
    last = (slice(-pad, None), slice(-pad - 1, -1), True)
    every = slice(None)
    for (y, v, down), (x, u, across) in product((own, first, last), repeat=2):
        mirrored = [axis for axis, flips in ((2, down), (3, across)) if flips and pad > 1]
        yield (every, every, y, x), (every, every, v, u), mirrored


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
