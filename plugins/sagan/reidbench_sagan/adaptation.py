"""One direction of SA-GAN: a spatial transformer S, then a generator G."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reidbench.interfaces import Warp
from reidbench.nn.networks import Networks
from reidbench_sagan.localisation import Localisation
from reidbench_sagan.transforms import Transform, sample


@dataclass(frozen=True)
class Adapted:
    """Images on their way to the other domain.

    Attributes:
        spatial: ``[B, C, H, W]`` X_S, what S made of the images and, as a fourth channel, their
            masks.
        pixels: ``[B, 3, H, W]`` X_Adp, what G made of it.
        warp: T and its sampling grid; None without S.
    """

    spatial: Tensor
    pixels: Tensor
    warp: Warp | None

    @property
    def inputs(self) -> Tensor:
        """X_Adp with its masks: what the way back starts from."""
        return torch.cat([self.pixels, self.spatial[:, 3:]], 1)


class Spatial(nn.Module):
    """S: predicts a transform from an image and a code, and moves pixels by it.

    Args:
        localisation: gives the raw numbers.
        transform: makes a transform of them.
    """

    def __init__(self, localisation: Localisation, transform: Transform) -> None:
        super().__init__()
        self.localisation, self.transform = localisation, transform

    def forward(self, inputs: Tensor, code: Tensor) -> Tensor:
        """Return the numbers ``[B, size]`` of T for ``inputs`` ``[B, C, H, W]``."""
        return self.transform.bounded(self.localisation(inputs, code))

    def warp(self, numbers: Tensor, like: Tensor) -> Warp:
        """Return the transform with its grid for images of the size of ``like``."""
        return Warp(numbers, self.transform.grid(numbers, *like.shape[-2:]))


class Adaptation(Networks):
    """(S, G): first in space, then pixel by pixel.

    Args:
        spatial: S; None leaves every pixel where it is (WS).
        generator: G; None leaves every pixel as it is (WP).
    """

    def __init__(self, spatial: Spatial | None, generator: nn.Module | None) -> None:
        super().__init__()
        self.spatial, self.generator = spatial, generator

    @property
    def painting(self) -> list[nn.Parameter]:
        """The weights of G, if there is one."""
        return [] if self.generator is None else [*self.generator.parameters()]

    def forward(self, inputs: Tensor, code: Tensor) -> Adapted:
        """Adapt images with their masks, ``[B, C, H, W]``, by the codes ``[B, code_size]``."""
        if self.spatial is None:
            return Adapted(inputs, self.paint(inputs), None)
        warp = self.spatial.warp(self.spatial(inputs, code), inputs)
        moved = move(inputs, warp.grid)
        return Adapted(moved, self.paint(moved), warp)

    def paint(self, inputs: Tensor) -> Tensor:
        """Return G(inputs), ``[B, 3, H, W]``; the images themselves without G."""
        if self.generator is None:
            return inputs[:, :3]
        painted: Tensor = self.generator(inputs)
        return painted


def move(inputs: Tensor, grid: Tensor) -> Tensor:
    """Sample images, and their masks if there is a fourth channel, at ``grid``.

    Beyond the border an image goes on as its last pixel, and a mask is 0.
    """
    moved = sample(inputs[:, :3], grid)
    if inputs.shape[1] > 3:
        moved = torch.cat([moved, within_picture(inputs[:, 3:], grid)], 1)
    return moved.contiguous(memory_format=torch.channels_last)


def within_picture(x: Tensor, grid: Tensor) -> Tensor:
    """Sample ``x`` at ``grid`` with nothing, 0, beyond the border."""
    return nn.functional.grid_sample(x, grid, align_corners=False)
