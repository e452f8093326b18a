"""Images to features: the one loop that embeds, as fast as the hardware allows, and pooling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from reidbench.config.recipe import Component, Embedding, Pool
from reidbench.data.arrays import ImageArray
from reidbench.engine.first_step import check_embedded
from reidbench.engine.hardware import Hardware
from reidbench.engine.ranks import Ranks, current_ranks
from reidbench.engine.streams import stream
from reidbench.errors import UsageError
from reidbench.interfaces import FeatureLearner
from reidbench.nn.folding import fold_batch_norms
from reidbench.progress import Progress, silent

ACCELERATOR_BATCH = 128
# On a CPU the widest map of a batch should stay below 32 MiB, above which glibc's malloc fetches
# pages anew from the system for every layer, which makes a network up to twice as slow. ResNet-50's
# has 16 float32 values a pixel of the image.
CPU_BATCH_BYTES = 30 * 2**20
WIDEST = 16


class Embeds(Protocol):
    """Protocol of whatever embeds images; a ``FeatureLearner`` does."""

    def embed(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return features ``[B, D]`` of ``pixels`` ``[B, 3, H, W]`` in [-1, 1]."""

    def feature_map(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the last feature map ``[B, C, h, w]``, before any pooling."""


class Classifies(Protocol):
    """Protocol of whatever names persons; a ``FeatureLearner`` does."""

    def classify(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return a score of each person, ``[B, num_pids]``."""


class Embedder(nn.Module):
    """A model and its pooling as one module, from ``[B, 3, H, W]`` in [-1, 1] to ``[B, D]``."""

    def __init__(self, learner: Embeds, model: nn.Module, embedding: Embedding) -> None:
        super().__init__()
        self.learner, self.model, self.embedding = learner, model, embedding

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the features of each image as it is."""
        if self.embedding.pool == "learner":
            return self.learner.embed(self.model, pixels)
        maps = self.learner.feature_map(self.model, pixels)
        return pooled(maps, self.embedding.pool, self.embedding.parts)


class Classifier(nn.Module):
    """Names the likeliest person of each image, ``[B, 1]``."""

    def __init__(self, learner: Classifies, model: nn.Module) -> None:
        super().__init__()
        self.learner, self.model = learner, model

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the indices."""
        return self.learner.classify(self.model, pixels).argmax(1, keepdim=True)


def pooled(maps: Tensor, pool: Pool, parts: int) -> Tensor:
    """Return local max (or average) pooling of feature maps.

    Deng et al., "Similarity-preserving Image-image Domain Adaptation for Person
    Re-identification", arXiv:1811.10551, section 3.4.

    Args:
        maps: ``[B, C, h, w]``.
        pool: "max" or "average".
        parts: horizontal stripes; stripe i has the rows from ``floor(i h / parts)`` to
            ``ceil((i + 1) h / parts)``, so that neighbours share a row where h does not divide.

    Returns:
        ``[B, parts * C]``: the stripes' features from top to bottom.
    """
    over = F.adaptive_max_pool2d if pool == "max" else F.adaptive_avg_pool2d
    stripes: Tensor = over(maps, (parts, 1))
    return stripes.squeeze(3).permute(0, 2, 1).flatten(1)


def check(embedding: Embedding, learner: Component, image_size: tuple[int, int]) -> None:
    """Refuse a pooling that the learner's models cannot have, before anything is trained.

    Raises:
        UsageError: if the learner gives no feature map, or one with fewer rows than parts.
    """
    if embedding.pool == "learner":
        return
    built = learner.build()
    with stream(0, "blank"):
        model = built.blank(2).eval()
    check_rows(embedding, built, model, image_size, f"learner '{learner.name}'")


@torch.inference_mode()
def check_rows(
    embedding: Embedding, learner: Embeds, model: nn.Module, image_size: tuple[int, int], name: str
) -> None:
    """Refuse more parts than the feature map of ``model`` has rows.

    Raises:
        UsageError: naming the model and its rows; or if it has no feature map.
    """
    rows = learner.feature_map(model, torch.zeros(1, 3, *image_size)).shape[2]
    if embedding.parts > rows:
        height, width = image_size
        raise UsageError(
            f"embedding.parts={embedding.parts}: the feature map of {name} has {rows} "
            f"row{'s' if rows > 1 else ''} at {height}x{width} pixels"
        )


class Extractor:
    """Embeds arrays of images; the module is changed in place for fast inference.

    Batch normalisation is folded into convolutions and images are channels-last.

    Args:
        module: network in evaluation mode, from ``[B, 3, H, W]`` in [-1, 1] to ``[B, D]``.
        hardware: device and precision.
        flip: add the features of the mirrored images.
        batch: images at a time; None chooses by the hardware.
    """

    def __init__(
        self, module: nn.Module, hardware: Hardware, *, flip: bool = False, batch: int | None = None
    ) -> None:
        fold_batch_norms(module)
        # Autocast keeps the narrow copies of those weights only that could learn.
        for weight in module.parameters():
            weight.requires_grad_(weight.is_floating_point())
        module.to(hardware.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._module, self._hardware = module, hardware
        self._flip, self._batch = flip, batch
        self._checked = False

    def __call__(self, images: ImageArray, progress: Progress = silent) -> NDArray[np.float32]:
        """Return the features ``[N, D]``; ``progress`` is told images done and in all.

        Several processes embed a part of the images each, and all return the features of all.
        """
        ranks = current_ranks()
        shared = 1 < ranks.count <= len(images)
        own = ranks.part(len(images)) if shared else slice(0, len(images))
        parts: list[Tensor] = []  # on the device: reading each batch would wait for it
        # One autocast for all batches: it forgets the narrow copies of the weights at its end.
        with torch.inference_mode(), self._hardware.autocast():
            for rows in self._batches(images, own):
                pixels = images.images(rows, self._hardware.device).pixels
                parts.append(self._features(pixels))
                done = (ranks.count if shared else 1) * (int(rows[-1]) + 1 - own.start)
                progress(min(done, len(images)), len(images), {})
        features = torch.cat(parts).cpu().numpy()
        return _of_all(features, len(images), ranks) if shared else features

    def sets(
        self, sets: Mapping[str, ImageArray], progress: Progress = silent
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Yield the name and features of each set; ``progress`` counts all their images."""
        total, before = sum(map(len, sets.values())), 0
        for name, images in sets.items():

            def told(done: int, _: int, log: Mapping[str, float], first: int = before) -> None:
                progress(first + done, total, log)

            yield name, self(images, told)
            before += len(images)

    def _features(self, pixels: Tensor) -> Tensor:
        made = self._module(pixels) if self._checked else self._first(pixels)
        features: Tensor = made.float()
        if self._flip:
            features = features + self._module(pixels.flip(-1)).float()
        return features

    def _first(self, pixels: Tensor) -> Tensor:
        """Return what the module makes of the first images, or name the learner that failed.

        The module itself checks nothing: folding traces it.
        """
        module, self._checked = self._module, True
        if isinstance(module, Classifier):
            scores = module.learner.classify(module.model, pixels[:1])
            check_embedded(module.learner, "classify", scores, 1)
        made: Tensor = module(pixels)
        if isinstance(module, Embedder) and isinstance(module.learner, FeatureLearner):
            method = "embed" if module.embedding.pool == "learner" else "feature_map"
            check_embedded(module.learner, method, made, len(pixels))
        return made

    def _batches(self, images: ImageArray, own: slice) -> Iterator[NDArray[np.int64]]:
        size = self._batch or batch_of(self._hardware, images.pixels.shape[1:3])
        for start in range(own.start, own.stop, size):
            yield np.arange(start, min(start + size, own.stop))


def _of_all(features: NDArray[np.float32], images: int, ranks: Ranks) -> NDArray[np.float32]:
    """Return the features that all processes made, in the order of the images."""
    every = ranks.gathered(torch.from_numpy(features).to(ranks.device), images)
    gathered: NDArray[np.float32] = every.cpu().numpy()
    return gathered


def batch_of(hardware: Hardware, image_size: tuple[int, ...]) -> int:
    """Return the number of images of a size (height, width) that are embedded at a time."""
    if hardware.device.type != "cpu":
        return ACCELERATOR_BATCH
    value = 2 if hardware.precision == "bf16" else 4
    return max(1, CPU_BATCH_BYTES // (WIDEST * value * image_size[0] * image_size[1]))
