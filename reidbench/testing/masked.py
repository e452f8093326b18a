"""Images with person masks, for the tests of constraints that compare what the masks show."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from reidbench.engine.gan import train_step
from reidbench.interfaces import (
    UNLABELLED,
    Batch,
    Clock,
    Context,
    Hop,
    Hops,
    IdentityConstraint,
    Images,
    Translator,
)
from reidbench.testing.tensors import fixed_seed

REAL = torch.tensor([[0.1, 0.5], [-0.3, 0.9]]).repeat(1, 3, 1, 1)
FAKE = torch.tensor([[0.3, 0.4], [0.5, -0.1]]).repeat(1, 3, 1, 1)
MASK = torch.tensor([[[[1.0, 0.5], [0.0, 1.0]]]])
"""An image of 2x2 pixels, its translation and its mask: FAKE - REAL is 0.2, -0.1, 0.8, -1.0."""


def masked_hop(
    real: Tensor, fake: Tensor, mask: Tensor | None, grid: Tensor | None = None, dst: int = 1
) -> Hop:
    """Return a hop of images ``[B, 3, H, W]`` with masks ``[B, 1, H, W]``."""
    rows = torch.zeros(len(real), dtype=torch.long)
    return Hop(Images(real, rows, rows, mask), fake, -real, rows + dst, grid=grid)


def masked_images(pid: int) -> Images:
    """Return two random images of 32x24 pixels, each with a person in its middle."""
    generator = torch.Generator().manual_seed(pid + 10)
    pixels = torch.rand(2, 3, 32, 24, generator=generator) * 2 - 1
    mask = torch.zeros(2, 1, 32, 24)
    mask[..., 8:24, 8:16] = 1
    return Images(pixels, torch.full((2,), pid), torch.zeros(2, dtype=torch.long), mask)


def trained_under(
    translator: Callable[[], Translator],
    constraints: Mapping[str, IdentityConstraint],
    steps: int = 3,
) -> tuple[list[Tensor], Hops]:
    """Train a new translator of two domains on such images, by a fixed seed.

    Returns:
        Its weights, and a hop of the source's images to the target and one back.
    """
    batch = Batch(masked_images(0), masked_images(UNLABELLED))
    with fixed_seed(7):
        trained = translator()
        trained.setup(Context((32, 24), 4, 2, torch.device("cpu")))
        for step in range(steps):
            train_step(trained, constraints, batch, Clock(step, steps), seed=5)
    with torch.no_grad():
        ways = ((batch.source, 0, 1), (batch.target, 1, 0))
        hops = tuple(
            masked_hop(images.pixels, trained.translate(images, src, dst), images.mask)
            for images, src, dst in ways
        )
    return [p.detach() for p in trained.parameters()], hops
