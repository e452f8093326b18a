"""A U-Net that learns person masks from pairs of image and mask."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam

from reidbench.data.arrays import ImageArray, shuffled_rows
from reidbench.data.augment import Augmentation
from reidbench.data.dataset import Dataset
from reidbench.data.mask_pairs import MaskPairs, RenderedPairs
from reidbench.engine.descent import descend, scale_rates
from reidbench.engine.loop import Loop
from reidbench.engine.streams import generator
from reidbench.errors import ReidbenchError
from reidbench.interfaces import Clock, Log, Segmenter, at_least, within
from reidbench.nn.unet import UNet

SYNTHETIC = "synthetic"
DOMAINS = ("a", "b", "c", "d")
HOLD = 0.5  # of the run at the first rate; then it falls to zero


class UNetSegmenter(Segmenter):
    """Learns person masks by a U-Net, from rendered pedestrians or a folder of images and masks.

    Zhang et al., "Spatial-Aware GAN for Unsupervised Person Re-identification", section III-A,
    train a U-Net on Look into Person and do not tell how. Here it descends the binary cross-entropy
    of every pixel by Adam.

    Args:
        data: "synthetic", or the path of a folder of pairs, images/NAME.jpg and masks/NAME.png;
            what else they may be ``MaskPairs`` says.
        domains: looks of the rendered pedestrians; unused with a folder, as ids and seed.
        ids: rendered persons of each domain.
        seed: of the rendered persons. A dataset of the same seed and domain shows the same people.
        width: channels of the U-Net's first level; 64 in Ronneberger et al.
        depth: number of times that the U-Net halves its maps.
        epochs: passes over the images. Rendered pedestrians are fitted better by more, but masks
            of real people then have holes.
        batch: images in a step.
        lr: learning rate of Adam for the first half of the run, then falling to zero.
        flip: mirror training images at random.
        enlarge: enlarge training images by this factor and crop at random.
        jitter: largest change of contrast, as a factor less 1, and of brightness, as a part of the
            range, of each channel of a training image.

    Raises:
        ValueError: if a value is out of range.
    """

    files: ClassVar[frozenset[str]] = frozenset({"data"})

    def __init__(
        self,
        *,
        data: str = SYNTHETIC,
        domains: tuple[str, ...] = DOMAINS,
        ids: int = 40,
        seed: int = 32_768,
        width: int = 16,
        depth: int = 4,
        epochs: int = 4,
        batch: int = 16,
        lr: float = 1e-3,
        flip: bool = True,
        enlarge: float = 1.125,
        jitter: float = 0.4,
    ) -> None:
        at_least(1, width=width, depth=depth, epochs=epochs, batch=batch, enlarge=enlarge)
        at_least(0, lr=lr)
        within(0, 1, jitter=jitter)
        if not domains:
            raise ValueError("domains names none")
        self.data, self.domains, self.ids, self.seed = data, tuple(domains), ids, seed
        self.width, self.depth = width, depth
        self.epochs, self.batch, self.lr, self.jitter = epochs, batch, lr, jitter
        self.augmentation = Augmentation(flip=flip, enlarge=enlarge)

    def pairs(self) -> Dataset:
        """Return the images and masks to learn from."""
        if self.data == SYNTHETIC:
            return RenderedPairs(domains=self.domains, ids=self.ids, seed=self.seed)
        return MaskPairs(root=self.data)

    def build(self) -> UNet:
        """Return a new U-Net."""
        return UNet(self.width, self.depth)

    def fit(self, model: nn.Module, data: ImageArray, loop: Loop) -> None:
        """Train ``model`` in place on images with masks.

        Raises:
            ReidbenchError: if the images have none.
        """
        if data.masks is None:
            raise ReidbenchError("there are no masks to learn from")
        model.train()
        optimizer = Adam(model.parameters(), lr=self.lr, fused=True)

        def step(clock: Clock) -> Log:
            rows = shuffled_rows(len(data), self.batch, clock.step, loop.seed, "segmenter")
            draws = generator(loop.seed, "augment", clock.step)
            images = self.augmentation(data.images(rows, loop.hardware.device), draws)
            scale_rates(optimizer, clock.decay(HOLD))
            return _learn(
                model, optimizer, jittered(images.pixels, self.jitter, draws), images.mask
            )

        steps = -(-len(data) * self.epochs // self.batch)
        loop.run(steps, step, {"model": model, "optimizer": optimizer}, "segmenter")

    def masks(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return how likely each pixel is on the person, ``[B, 1, H, W]``."""
        logits: Tensor = model(pixels)
        return logits.sigmoid()


def jittered(pixels: Tensor, most: float, draws: Generator) -> Tensor:
    """Return images ``[B, 3, H, W]`` in [-1, 1] with other contrast and brightness.

    Every channel of every row is multiplied by a number within ``1 ± most`` and moved by one
    within ``± most``, of which half is common to the three channels and half its own.
    """
    own, common = (torch.rand(2, len(pixels), n, generator=draws) * 2 - 1 for n in (3, 1))
    gain, offset = (most * (own + common) / 2).to(pixels.device)[..., None, None]
    changed: Tensor = pixels * (1 + gain) + offset
    return changed.clamp(-1, 1)


def _learn(model: nn.Module, optimizer: Adam, pixels: Tensor, mask: Tensor | None) -> Log:
    assert mask is not None
    loss = F.binary_cross_entropy_with_logits(model(pixels), mask)
    descend(optimizer, loss)
    return {"loss": loss.detach()}
