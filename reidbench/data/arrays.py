"""Decoded images of a split as arrays, and how training steps draw batches from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reidbench.interfaces import UNLABELLED, Images, to_device
from reidbench.storage.keys import derive_seed

Rows = NDArray[np.int64]

_PART = 1024  # images that are read at a time
RESIDENT_SHARE = 0.25  # of a device's free memory that the images of a training may take


@dataclass(frozen=True)
class Resident:
    """Images on a device.

    Attributes:
        device: as it was asked for: "cuda" where the tensors tell a number.
        pixels: ``[N, H, W, 3]`` uint8.
        masks: ``[N, H, W]`` uint8, or None.
    """

    device: torch.device
    pixels: Tensor
    masks: Tensor | None


@dataclass(frozen=True)
class ImageArray:
    """The images of a split, decoded once and mapped from disk.

    Attributes:
        pixels: ``[N, H, W, 3]`` uint8 RGB.
        pids: ``[N]`` int64 person.
        cams: ``[N]`` int64 camera.
        masks: ``[N, H, W]`` uint8, 255 on the person, or None.
        fake: ``[N]`` which images are translated ones, or None if none is.
        resident: copy of pixels and masks on a device; None while they are on the host alone.
    """

    pixels: NDArray[np.uint8]
    pids: NDArray[np.int64]
    cams: NDArray[np.int64]
    masks: NDArray[np.uint8] | None = None
    fake: NDArray[np.bool_] | None = None
    resident: Resident | None = None

    @classmethod
    def open(cls, folder: Path) -> ImageArray:
        """Map the arrays that a stage wrote to ``folder``."""
        masks = folder / "masks.npy"
        return cls(
            np.load(folder / "pixels.npy", mmap_mode="r"),
            np.load(folder / "pids.npy"),
            np.load(folder / "cams.npy"),
            np.load(masks, mmap_mode="r") if masks.exists() else None,
        )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.pixels)

    def rows(self, rows: Rows) -> ImageArray:
        """Return some of the images."""
        masks = None if self.masks is None else self.masks[rows]
        fake = None if self.fake is None else self.fake[rows]
        return ImageArray(self.pixels[rows], self.pids[rows], self.cams[rows], masks, fake)

    def unlabelled(self) -> ImageArray:
        """Return the same images without identities: what a translator may see of the target."""
        return replace(self, pids=np.full_like(self.pids, UNLABELLED))

    def classes(self) -> ImageArray:
        """Return the same images with persons numbered from 0, as a classifier wants them."""
        return replace(self, pids=np.unique(self.pids, return_inverse=True)[1].astype(np.int64))

    def cameras(self) -> ImageArray:
        """Return the same images with cameras numbered from 0 without gaps."""
        return replace(self, cams=np.unique(self.cams, return_inverse=True)[1].astype(np.int64))

    @property
    def num_pids(self) -> int:
        """Number of persons."""
        return len(np.unique(self.pids))

    def on(self, device: torch.device) -> ImageArray:
        """Return the same images, kept on an accelerator for a training if they fit there.

        They are bytes there as here, and may take a quarter of the memory that is free. Those that
        do not fit are sent batch by batch, while the device computes the steps before.
        """
        size = self.pixels.nbytes + (0 if self.masks is None else self.masks.nbytes)
        if size > RESIDENT_SHARE * _free_memory(device):
            return self
        masks = None if self.masks is None else _copied(self.masks, device)
        return replace(self, resident=Resident(device, _copied(self.pixels, device), masks))

    def images(self, rows: Rows, device: torch.device) -> Images:
        """Return a batch, its pixels channels-last in [-1, 1]."""
        levels, shades = self._levels(rows, device)
        pixels = levels.permute(0, 3, 1, 2).float()
        pixels.div_(127.5).sub_(1)  # in place: new memory costs more than the arithmetic
        mask = None if shades is None else shades.unsqueeze(1).float() / 255
        host_pid, host_cam = torch.from_numpy(self.pids[rows]), torch.from_numpy(self.cams[rows])
        pid, cam = to_device(host_pid, device), to_device(host_cam, device)
        host_fake = None if self.fake is None else torch.from_numpy(self.fake[rows])
        fake = None if host_fake is None else to_device(host_fake, device)
        return Images(pixels, pid, cam, mask, fake, host_pid, host_cam, host_fake)

    def _levels(self, rows: Rows, device: torch.device) -> tuple[Tensor, Tensor | None]:
        """Return pixels ``[B, H, W, 3]`` and masks ``[B, H, W]`` on a device, as they are kept."""
        there = self.resident
        if there is not None and there.device == device:
            places = to_device(torch.from_numpy(rows), device)
            return there.pixels[places], None if there.masks is None else there.masks[places]
        sent = None if self.masks is None else to_device(_gathered(self.masks, rows), device)
        return to_device(_gathered(self.pixels, rows), device), sent


@dataclass(frozen=True)
class TargetViews:
    """The target's training images without identities, and each as every camera would show it.

    Attributes:
        images: N real images; their persons are unknown and their cameras count from 0.
        views: C N translations of them: all in the style of camera 0, then all of camera 1, and so
            on; among them each image in the style of its own.
    """

    images: ImageArray
    views: ImageArray

    def __len__(self) -> int:
        """Return the number of real images."""
        return len(self.images)

    def groups(self, rows: Rows) -> ImageArray:
        """Return real images and all of their views, each image taken for a person of its own.

        Args:
            rows: ``[n]`` of the real images.

        Returns:
            ``n (1 + C)`` images, the real ones first, whose pids are the rows.
        """
        count, cameras = len(self), len(self.views) // len(self)
        places = np.concatenate([rows + count * camera for camera in range(cameras)])
        pixels = np.concatenate([self.images.pixels[rows], self.views.pixels[places]])
        pids = np.tile(rows, 1 + cameras)
        cams = np.concatenate([self.images.cams[rows], np.repeat(np.arange(cameras), len(rows))])
        return ImageArray(pixels, pids, cams, fake=np.arange(len(pids)) >= len(rows))


def to_uint8(pixels: Tensor) -> NDArray[np.uint8]:
    """Return ``[B, 3, H, W]`` in [-1, 1] as ``[B, H, W, 3]`` uint8, rounded."""
    return levels_of(pixels).cpu().numpy()


def levels_of(pixels: Tensor) -> Tensor:
    """Return the same where the pixels are, without waiting for it."""
    levels = ((pixels.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous()


def shuffled_rows(count: int, batch: int, step: int, seed: int, axis: str) -> Rows:
    """Return the rows of one step of an endless shuffle: every row once in each pass.

    A function of its arguments alone, so that a resumed run draws the same batches.
    """
    places = np.arange(step * batch, (step + 1) * batch)
    passes = {p: _permutation(count, seed, axis, p) for p in set((places // count).tolist())}
    return np.array([passes[p // count][p % count] for p in places.tolist()], dtype=np.int64)


def person_rows(
    pids: NDArray[np.int64], persons: int, each: int, step: int, seed: int, axis: str
) -> Rows:
    """Return ``persons * each`` rows: images of one person beside each other, drawn at random.

    Persons come in an endless shuffle, every one once in each pass. Of a person with too few images
    some are drawn twice. A function of its arguments alone, as ``shuffled_rows``.
    """
    known = np.unique(pids)
    chosen = known[shuffled_rows(len(known), persons, step, seed, axis)]
    rng = np.random.default_rng(derive_seed(seed, axis, "images", step))
    own = [np.flatnonzero(pids == person) for person in chosen]
    drawn = [rng.choice(rows, each, replace=len(rows) < each) for rows in own]
    return np.concatenate(drawn).astype(np.int64)


def paired_rows(pids: NDArray[np.int64], batch: int, step: int, seed: int, axis: str) -> Rows:
    """Return rows in pairs ``(2k, 2k + 1)``, of the same person and of different ones in turns.

    The turns go on from step to step, so that a batch of one pair sees both kinds.
    """
    pairs = batch // 2
    anchors = shuffled_rows(len(pids), pairs, step, seed, axis)
    rng = np.random.default_rng(derive_seed(seed, axis, "partner", step))
    kinds = [k % 2 == 0 for k in range(step * pairs, (step + 1) * pairs)]
    return pair_up(pids, anchors, kinds, rng)


def pair_up(
    pids: NDArray[np.int64], anchors: Rows, kinds: Sequence[bool], rng: np.random.Generator
) -> Rows:
    """Return rows in pairs ``(2k, 2k + 1)``: each anchor, and another image drawn beside it.

    Args:
        pids: ``[N]`` person of each image.
        anchors: ``[P]`` rows of the first images.
        kinds: ``[P]`` whether the second image is of the same person; the anchor itself where
            there is no other image of that kind.
        rng: generator that draws the second images.
    """
    partners = [_partner(pids, a, same, rng) for a, same in zip(anchors, kinds, strict=True)]
    return np.stack([anchors, np.array(partners, dtype=np.int64)], 1).reshape(-1)


def _partner(pids: NDArray[np.int64], anchor: int, same: bool, rng: np.random.Generator) -> int:
    fits = np.flatnonzero((pids == pids[anchor]) == same)
    others = fits[fits != anchor]
    return int(rng.choice(others)) if len(others) else anchor


@lru_cache(maxsize=8)
def _permutation(count: int, seed: int, axis: str, number: int) -> Rows:
    rng = np.random.default_rng(derive_seed(seed, axis, "pass", number))
    return rng.permutation(count)


def _gathered(array: NDArray[np.uint8], rows: Rows) -> Tensor:
    return torch.from_numpy(array[rows])


def _free_memory(device: torch.device) -> int:
    """Return the bytes that are free on an accelerator; the CPU has all images already."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0


def _copied(array: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Return an array that is mapped from disk on a device, read part by part."""
    made = torch.empty(array.shape, dtype=torch.uint8, device=device)
    for start in range(0, len(array), _PART):
        part = slice(start, start + _PART)
        made[part].copy_(torch.from_numpy(np.array(array[part])))
    return made
