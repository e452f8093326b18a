"""Batched augmentation on the images' device, drawn from an explicit stream."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as VF

from reidbench.interfaces import Images, at_least, to_device, within

ATTEMPTS = 16  # with the paper's ranges on upright images, one of 16 rectangles always fits
IMAGENET_MEAN = (0.485, 0.456, 0.406)


@dataclass(frozen=True)
class Erasing:
    """Random erasing: a rectangle of a row is filled with something that shows no person.

    Zhong, Zheng, Kang, Li and Yang, Random Erasing Data Augmentation, AAAI 2020, algorithm 1 and
    its values. As there, a rectangle that does not fit into the image is drawn again (16 times;
    then the row is left alone). It lies anywhere in the image, as in the authors' code; the paper
    draws its corner first and so prefers small ones.

    Attributes:
        probability: probability that a row is erased.
        area: least and largest part of the image that is erased, drawn uniformly.
        aspect: least and largest height of the rectangle over its width, drawn uniformly.
        fill: "noise", each value of its own (RE-R of the paper), or the "mean" of ImageNet (RE-M).
    """

    probability: float = 0.5
    area: tuple[float, float] = (0.02, 0.4)
    aspect: tuple[float, float] = (0.3, 1 / 0.3)
    fill: Literal["noise", "mean"] = "noise"

    def __post_init__(self) -> None:
        """Refuse ranges that are none.

        Raises:
            ValueError: naming the value.
        """
        within(0, 1, probability=self.probability, least_area=self.area[0])
        within(self.area[0], 1, largest_area=self.area[1])
        at_least(1e-3, least_aspect=self.aspect[0])
        at_least(self.aspect[0], largest_aspect=self.aspect[1])

    def __call__(self, pixels: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Return erased pixels ``[B, 3, H, W]`` in [-1, 1] and where they are, ``[B, 1, H, W]``."""
        rows, _, height, width = pixels.shape
        where = to_device(self._rectangles(rows, height, width, generator), pixels.device)
        return torch.where(where, self._filling(pixels, generator), pixels), where

    def _rectangles(self, rows: int, height: int, width: int, generator: Generator) -> Tensor:
        """Return ``[B, 1, H, W]``, true in the rectangle of each row that has one."""
        chosen = torch.rand(rows, generator=generator) < self.probability
        area, aspect, top, left = torch.rand(4, rows, ATTEMPTS, generator=generator)
        area = _scaled(area, self.area) * height * width
        aspect = _scaled(aspect, self.aspect)
        tall, wide = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
        fits = (tall >= 1) & (wide >= 1) & (tall <= height) & (wide <= width)
        first = fits.int().argmax(1, keepdim=True)
        tall, wide, top, left = (x.gather(1, first) for x in (tall, wide, top, left))
        inside = (
            _span(top, tall, height)[:, None, :, None] & _span(left, wide, width)[:, None, None]
        )
        where: Tensor = inside & (chosen & fits.any(1))[:, None, None, None]
        return where

    def _filling(self, pixels: Tensor, generator: Generator) -> Tensor:
        if self.fill == "mean":
            mean = to_device(torch.tensor(IMAGENET_MEAN, dtype=pixels.dtype), pixels.device)
            return (2 * mean - 1)[:, None, None]
        # So many numbers are drawn where they are needed, from a stream that the row's own begins.
        seed = int(torch.randint(2**62, (), generator=generator))
        local = Generator(pixels.device).manual_seed(seed)
        levels = torch.empty_like(pixels).random_(256, generator=local)
        return levels / 127.5 - 1


def _scaled(x: Tensor, bounds: tuple[float, float]) -> Tensor:
    """Return numbers in [0, 1) as numbers between the bounds."""
    least, largest = bounds
    return least + (largest - least) * x


def _span(start: Tensor, length: Tensor, size: int) -> Tensor:
    """Return ``[B, size]``, true in ``length`` places of each row, from ``start`` in [0, 1) on."""
    first = (start * (size - length + 1)).floor()
    places = torch.arange(size)
    return (places >= first) & (places < first + length)


@dataclass(frozen=True)
class Augmentation:
    """Random flip, crop and erasing of a batch; each row draws for itself.

    Attributes:
        flip: mirror left to right with probability one half.
        enlarge: resize by this factor (bicubic), then crop back to the size at random.
        pad: add this many pixels at each side, then crop back to the size at random.
        padding: content of the border: the image mirrored ("reflect"), or "black".
        erasing: random erasing, applied last; None for none. No person is visible there, so
            masks become 0.
    """

    flip: bool = True
    enlarge: float = 1.0
    pad: int = 0
    padding: Literal["reflect", "black"] = "reflect"
    erasing: Erasing | None = None

    def __call__(self, images: Images, generator: Generator) -> Images:
        """Return the augmented batch; masks move with the pixels."""
        pixels, mask = images.pixels, images.mask
        drawn = pixels if mask is None else torch.cat([pixels, mask], 1)
        drawn = self._crop(self._flip(drawn, generator), generator)
        pixels = drawn[:, :3].clamp(-1, 1)
        moved = None if mask is None else drawn[:, 3:].clamp(0, 1)
        if self.erasing is not None:
            pixels, where = self.erasing(pixels, generator)
            moved = None if moved is None else moved.masked_fill(where, 0)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        return replace(images, pixels=pixels, mask=moved)

    def _flip(self, x: Tensor, generator: Generator) -> Tensor:
        if not self.flip:
            return x
        chosen = to_device(torch.rand(len(x), generator=generator) < 0.5, x.device)
        return torch.where(chosen[:, None, None, None], VF.horizontal_flip(x), x)

    def _crop(self, x: Tensor, generator: Generator) -> Tensor:
        height, width = x.shape[-2:]
        room = x
        if self.enlarge > 1:
            size = [round(height * self.enlarge), round(width * self.enlarge)]
            room = VF.resize(x, size, v2.InterpolationMode.BICUBIC, antialias=True)
        if self.pad:
            room = self._padded(room)
        if room is x:
            return x
        spare = torch.tensor([room.shape[-2] - height + 1, room.shape[-1] - width + 1])
        corner = (torch.rand(len(x), 2, generator=generator) * spare).long()
        return _cropped(room, corner, (height, width))

    def _padded(self, x: Tensor) -> Tensor:
        if self.padding == "reflect":
            return F.pad(x, [self.pad] * 4, mode="reflect")
        return F.pad(x, [self.pad] * 4, value=-1)  # black; masks are clamped to 0 afterwards


def _cropped(x: Tensor, corner: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a part of each row of ``x``, from its upper left corner ``[B, 2]`` on."""
    if x.device.type != "cpu":
        return _cropped_together(x, corner, size)
    height, width = size
    places = zip(x, corner.tolist(), strict=True)
    return torch.stack([row[:, i : i + height, j : j + width] for row, (i, j) in places])


def _cropped_together(x: Tensor, corner: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the same by one copy of all rows: a copy of each costs an accelerator more."""
    height, width = size
    row, column = to_device(corner, x.device).unbind(1)
    rows = row[:, None] + torch.arange(height, device=x.device)
    columns = column[:, None] + torch.arange(width, device=x.device)
    which = torch.arange(len(x), device=x.device)[:, None, None]
    return x.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)
