"""IDE with label smoothing on translated images.

Zhong, Zheng, Zheng, Li and Yang, "Camera Style Adaptation for Person Re-identification", CVPR 2018,
section 3.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from reidbench_ide.learner import IDE
from torch import nn
from torch.nn import functional as F
from torch.optim import Optimizer

from reidbench.components.classifying_learner import BatchNormOrAuto
from reidbench.data.arrays import ImageArray, Rows, shuffled_rows
from reidbench.engine.descent import descend
from reidbench.interfaces import Images, Log, to_device, within


@dataclass(kw_only=True)
class _Smoothing:
    """The parameters of SmoothedIDE's own, which the MRO puts in front of IDE's."""

    smoothing: float = 0.1
    translated: float = 0.25


@dataclass(kw_only=True)
class SmoothedIDE(IDE, _Smoothing):
    """Learns to classify the persons of real images, and less surely those of translated ones.

    Where there are both, each batch holds both in a fixed ratio and an epoch passes over the real
    ones; where there is one kind alone, it learns from that as IDE does.

    Attributes:
        smoothing: epsilon, the part of a translated image's label that is spread over all persons.
        translated: part of each batch that is translated images; one image at least is real.
        epochs: passes over the real images.

    The other parameters are those of ``IDE``.

    Raises:
        ValueError: if a value is out of range.
    """

    bottleneck: int = 1024
    batch_norm: BatchNormOrAuto = "learn"
    lr: float = 0.1
    backbone_lr: float = 0.01
    decay_from: float = 0.8
    batch: int = 171
    epochs: int = 50

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        within(0, 1, smoothing=self.smoothing, translated=self.translated)

    def steps(self, data: ImageArray) -> int:
        """Return how many steps pass ``epochs`` times over the real images."""
        real, translated = _kinds(data)
        if len(real) == 0 or len(translated) == 0:
            return super().steps(data)
        return math.ceil(len(real) * self.epochs / self._real_in_batch)

    def rows(self, data: ImageArray, step: int, seed: int) -> Rows:
        """Return a step's real rows and translated rows, each from a shuffle of their own."""
        real, translated = _kinds(data)
        if len(real) == 0 or len(translated) == 0:
            return super().rows(data, step, seed)
        counts = self._real_in_batch, self.batch - self._real_in_batch
        first = shuffled_rows(len(real), counts[0], step, seed, "real")
        second = shuffled_rows(len(translated), counts[1], step, seed, "translated")
        return np.concatenate([real[first], translated[second]])

    def learn_images(self, model: nn.Module, optimizer: Optimizer, images: Images) -> Log:
        """Make one step down the losses of real and of translated images, each averaged."""
        fake = images.fake if images.host_fake is None else images.host_fake
        if fake is None:
            fake = torch.zeros(len(images), dtype=torch.bool)
        kinds = ((~fake, 0.0), (fake, self.smoothing))
        rows_of = [(to_device(f.nonzero()[:, 0], images.pid.device), s) for f, s in kinds]
        likely, pid = self.log_likelihood(model, images.pixels), images.pid
        terms = [
            F.cross_entropy(likely[rows], pid[rows], label_smoothing=smoothing)
            for rows, smoothing in rows_of
            if len(rows)
        ]
        loss = torch.stack(terms).sum()
        descend(optimizer, loss)
        return {"loss": loss.detach(), "accuracy": (likely.argmax(1) == pid).float().mean()}

    @property
    def _real_in_batch(self) -> int:
        return max(1, self.batch - round(self.batch * self.translated))


def _kinds(data: ImageArray) -> tuple[Rows, Rows]:
    """Return the rows of real and of translated images."""
    fake = np.zeros(len(data), np.bool_) if data.fake is None else data.fake
    return np.flatnonzero(~fake), np.flatnonzero(fake)
