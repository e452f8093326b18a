"""Checks that any learner has to pass, as plain functions for the tests of plugins."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reidbench.data.arrays import ImageArray
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.interfaces import FeatureLearner
from reidbench.testing.toys import ToyLearner

CPU = torch.device("cpu")


class KilledError(Exception):
    """Stands for a run that ends in the middle."""


def coloured_persons(height: int = 32, width: int = 16) -> ImageArray:
    """Return six persons, told apart by the colours of their halves, eight noisy images of each."""
    rng = np.random.default_rng(0)
    colours = rng.integers(40, 215, size=(6, 2, 3))
    pids = np.repeat(np.arange(6), 8)
    columns = np.repeat(colours[pids], height // 2, axis=1)
    pixels = columns[:, :, None, :].repeat(width, axis=2)
    noisy = np.clip(pixels + rng.normal(0, 20, pixels.shape), 0, 255).astype(np.uint8)
    return ImageArray(noisy, pids + 100, np.zeros(len(pids), dtype=np.int64))


def cpu_loop(folder: Path, **options: Any) -> Loop:
    """Return a loop of seed 0 that keeps its checkpoints in ``folder``."""
    return Loop(folder, 0, Hardware(CPU), **options)


def nearest_are_same(learner: FeatureLearner, model: nn.Module, data: ImageArray) -> float:
    """Return how many images have one of the same person as the nearest, as a fraction."""
    with torch.no_grad():
        features = F.normalize(learner.embed(model.eval(), _pixels(data)))
    nearest = torch.cdist(features, features).fill_diagonal_(9).argmin(1).numpy()
    return float((data.pids[nearest] == data.pids).mean())


def check_resumes(
    learner: FeatureLearner, data: ImageArray, folder: Path, *, killed_at: int
) -> None:
    """Train once whole and once killed after so many steps and resumed; compare all weights."""
    start = learner.build(data.num_pids)
    whole, cut, resumed = (copy.deepcopy(start) for _ in range(3))
    learner.fit(whole, data, cpu_loop(folder / "whole"))

    def killed(done: int, total: int, log: object) -> None:
        if done >= killed_at:
            raise KilledError

    with patch("reidbench.engine.loop.SHOW_EVERY", 0.0):
        try:
            learner.fit(cut, data, cpu_loop(folder / "cut", progress=killed, checkpoint_every=0.0))
        except KilledError:
            learner.fit(resumed, data, cpu_loop(folder / "cut"))
    unlike = [k for k, v in whole.state_dict().items() if not v.equal(resumed.state_dict()[k])]
    assert not unlike, f"resumed training gave other values of {', '.join(unlike)}"


def check_blank(learner: FeatureLearner, data: ImageArray) -> None:
    """Load a model's weights into a blank one; both give the same features."""
    built, blank = learner.build(data.num_pids).eval(), learner.blank(data.num_pids).eval()
    blank.load_state_dict(built.state_dict())
    with torch.no_grad():
        first, second = (learner.embed(m, _pixels(data)) for m in (built, blank))
    assert torch.equal(first, second), "a blank model with the same weights gives other features"


def _pixels(data: ImageArray) -> Tensor:
    return data.images(np.arange(len(data)), CPU).pixels


class SmallLearner(ToyLearner):
    """A classifier in which a training mode shows: it has batch normalisation and dropout."""

    def __init__(self, *, dropout: float = 0.5, lr: float = 0.1) -> None:
        super().__init__(lr=lr)
        self.dropout = dropout

    def build(self, num_pids: int) -> nn.Module:
        """Return a convolution, pooled, under a classifier."""
        stem = nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        head = nn.BatchNorm1d(8), nn.Dropout(self.dropout), nn.Linear(8, num_pids)
        return nn.Sequential(*stem, *head)

    def loss(self, model: nn.Module, pixels: Tensor, pid: Tensor) -> Tensor:
        """Return the cross-entropy."""
        return F.cross_entropy(model(pixels), pid)
