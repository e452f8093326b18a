"""Batched augmentation on the images' device, drawn from an explicit stream."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as VF

from reidbench.hops import Images


@dataclass(frozen=True)
class Augmentation:
    """Random flip and random crop of a batch; each row draws for itself.

    Attributes:
        flip: mirror left to right with probability one half.
        enlarge: resize by this factor (bicubic), then crop back to the size at random.
        pad: mirror this many pixels at each side, then crop back to the size at random.
    """

    flip: bool = True
    enlarge: float = 1.0
    pad: int = 0

    def __call__(self, images: Images, generator: Generator) -> Images:
        """Return the augmented batch; masks move with the pixels."""
        pixels, mask = images.pixels, images.mask
        drawn = pixels if mask is None else torch.cat([pixels, mask], 1)
        drawn = self._crop(self._flip(drawn, generator), generator)
        pixels = drawn[:, :3].clamp(-1, 1).contiguous(memory_format=torch.channels_last)
        moved = None if mask is None else drawn[:, 3:].clamp(0, 1)
        return Images(pixels, images.pid, images.cam, moved)

    def _flip(self, x: Tensor, generator: Generator) -> Tensor:
        if not self.flip:
            return x
        chosen = torch.rand(len(x), generator=generator) < 0.5
        return torch.where(chosen.to(x.device)[:, None, None, None], VF.horizontal_flip(x), x)

    def _crop(self, x: Tensor, generator: Generator) -> Tensor:
        height, width = x.shape[-2:]
        room = x
        if self.enlarge > 1:
            size = [round(height * self.enlarge), round(width * self.enlarge)]
            room = VF.resize(x, size, v2.InterpolationMode.BICUBIC, antialias=True)
        if self.pad:
            room = F.pad(room, [self.pad] * 4, mode="reflect")
        if room is x:
            return x
        spare = torch.tensor([room.shape[-2] - height + 1, room.shape[-1] - width + 1])
        corner = (torch.rand(len(x), 2, generator=generator) * spare).long().tolist()
        places = zip(room, corner, strict=True)
        return torch.stack([row[:, i : i + height, j : j + width] for row, (i, j) in places])
