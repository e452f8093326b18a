"""The base of every family of spatial transforms."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, ParamSpec

import torch
from torch import Tensor
from torch.nn import functional as F

from reidbench.interfaces import within

Parameters = ParamSpec("Parameters")


def precise(function: Callable[Parameters, Tensor]) -> Callable[Parameters, Tensor]:
    """Compute in float32, or in float64 where that comes in, whatever autocast is set to."""

    @functools.wraps(function)
    def widened(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Tensor:
        wide: Any = [_widen(argument) for argument in args]
        device = next(a.device.type for a in wide if isinstance(a, Tensor))
        with torch.autocast(device, enabled=False):
            return function(*wide, **kwargs)

    return widened


def _widen(argument: Any) -> Any:
    narrow = isinstance(argument, Tensor) and argument.dtype in (torch.float16, torch.bfloat16)
    return argument.float() if narrow else argument


class Transform(ABC):
    """A family of spatial transforms of [-1, 1]^2.

    T takes a point ``(x, y)`` of the real image to where the adapted one shows it; x runs from the
    left border, -1, to the right one, 1, and y from the upper one to the lower one.

    Args:
        bound: largest distance of a transform from the identity, as a share of the farthest for
            which the family can still be undone at every point of the image.

    Attributes:
        raw: numbers that the localisation network predicts.
        size: P, the numbers of T.
        names: of T's numbers.

    Raises:
        ValueError: unless the bound is in [0, 1].
    """

    raw: ClassVar[int]
    size: ClassVar[int]
    names: ClassVar[tuple[str, ...]]

    def __init__(self, bound: float) -> None:
        within(0, 1, bound=bound)
        self.bound = bound

    @abstractmethod
    def bounded(self, raw: Tensor) -> Tensor:
        """Return the transforms ``[B, P]`` of any numbers ``[B, raw]``; of zeros the identity."""

    @abstractmethod
    def inverse(self, t: Tensor) -> Tensor:
        """Return the inverse transforms ``[B, P]``."""

    @abstractmethod
    def points(self, t: Tensor, xy: Tensor) -> Tensor:
        """Return ``[B, N, 2]`` where points ``[B, N, 2]``, or ``[1, N, 2]``, are moved to."""

    def identity(self, rows: int, like: Tensor) -> Tensor:
        """Return ``rows`` times the identity, ``[rows, P]``."""
        return self.bounded(like.new_zeros(rows, self.raw))

    def grid(self, t: Tensor, height: int, width: int) -> Tensor:
        """Return ``[B, H, W, 2]`` where ``sample`` finds the pixels of an image moved by T.

        The image that is moved is sampled by the inverse of T.
        """
        moved = self.points(self.inverse(t), pixel_centres(height, width, t))
        return moved.view(-1, height, width, 2)


@precise
def sample(x: Tensor, grid: Tensor) -> Tensor:
    """Sample ``x`` ``[B, C, H, W]`` bilinearly at ``grid`` ``[B, H', W', 2]``.

    Beyond its border an image goes on as its last pixel.
    """
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def pixel_centres(height: int, width: int, like: Tensor) -> Tensor:
    """Return the centres of an image's pixels, row by row, ``[1, height * width, 2]``."""
    dtype = torch.promote_types(like.dtype, torch.float32)
    x, y = (
        (torch.arange(side, device=like.device, dtype=dtype) * 2 + 1) / side - 1
        for side in (width, height)
    )
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([columns, rows], -1).view(1, -1, 2)
