"""Batches and directed translations, which a translator hands to the identity constraints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

UNLABELLED = -1


@dataclass(frozen=True)
class Images:
    """A mini-batch of one domain.

    Attributes:
        pixels: ``[B, 3, H, W]`` in [-1, 1].
        pid: ``[B]`` class index of the person; ``UNLABELLED`` where identity may not be used.
        cam: ``[B]`` camera index. For a translator that tells cameras apart, the target's count
            from 0 without gaps, and domain ``1 + cam`` is a camera's.
        mask: ``[B, 1, H, W]`` in [0, 1], 1 on the person; None if the dataset has no masks.
        fake: ``[B]`` True for translated images; None if all are real.
        host_pid: ``pid`` on the CPU, where the maker of the batch has it: to read it there waits
            for no device.
        host_cam: ``cam`` likewise.
        host_fake: ``fake`` likewise.
    """

    pixels: Tensor
    pid: Tensor
    cam: Tensor
    mask: Tensor | None = None
    fake: Tensor | None = None
    host_pid: Tensor | None = None
    host_cam: Tensor | None = None
    host_fake: Tensor | None = None

    def __len__(self) -> int:
        """Return the number of rows B."""
        return len(self.pixels)

    @property
    def labelled(self) -> bool:
        """True if identities may be used."""
        known = self.pid if self.host_pid is None else self.host_pid
        return bool((known != UNLABELLED).all())


@dataclass(frozen=True)
class Batch:
    """One training step's images of both domains, drawn unpaired."""

    source: Images
    target: Images


@dataclass(frozen=True)
class Hop:
    """One directed translation, row by row.

    Attributes:
        images: the real images, as the data gave them.
        fake: ``[B, 3, H, W]`` the images translated to ``dst``.
        style: ``[B, 3, H, W]`` unpaired real images of the destination.
        dst: ``[B]`` index of the destination domain; 0 is the source domain.
        rec: ``fake`` translated back to its own domain; cycle consistency asks that it equals
            ``images.pixels``.
        idt: the real images through the generator of their own domain.
        grid: ``[B, H, W, 2]`` sampling grid in [-1, 1] when the translation also moves pixels.
        host_dst: ``dst`` on the CPU, where the translator has it.
    """

    images: Images
    fake: Tensor
    style: Tensor
    dst: Tensor
    rec: Tensor | None = None
    idt: Tensor | None = None
    grid: Tensor | None = None
    host_dst: Tensor | None = None

    @property
    def drawn(self) -> tuple[Tensor, ...]:
        """Images that the generators drew from real ones: ``fake`` and, if it is there, ``idt``."""
        return (self.fake,) if self.idt is None else (self.fake, self.idt)

    def align(self, x: Tensor) -> Tensor:
        """Warp ``x`` ``[B, C, H, W]``, aligned with the real images, to align with ``fake``."""
        if self.grid is None:
            return x
        return F.grid_sample(x, self.grid, align_corners=False)

    def detach(self) -> Hop:
        """Return the same hop cut from the generators' graph.

        A real image stays the same object: constraints tell by it which images two hops share.
        """
        cut: dict[str, Any] = {
            k: v.detach()
            for k, v in vars(self).items()
            if isinstance(v, Tensor) and v.requires_grad
        }
        return replace(self, **cut)


Hops = tuple[Hop, ...]


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device, without waiting for what the device has to do before."""
    pinned = x.pin_memory() if device.type == "cuda" and x.device.type == "cpu" else x
    return pinned.to(device, non_blocking=True)


def domain_index(rows: int, domain: int, device: torch.device) -> Tensor:
    """Return ``[rows]`` filled with the domain's index."""
    return torch.full((rows,), domain, dtype=torch.long, device=device)
