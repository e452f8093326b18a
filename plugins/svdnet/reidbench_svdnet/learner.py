"""SVDNet.

Sun, Zheng, Deng and Wang, "SVDNet for Pedestrian Retrieval", ICCV 2017, arXiv:1703.05693.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from reidbench.components.classifying_learner import (
    DECAY,
    BatchNorm,
    BatchNormOrAuto,
    ClassificationLearner,
    Normalisation,
)
from reidbench.engine.descent import scale_rates
from reidbench.interfaces import Clock, Log, at_least, within
from reidbench.nn.backbones import Backbone
from reidbench.nn.weights import NONE
from reidbench_svdnet.decorrelation import decorrelated, orthogonality
from reidbench_svdnet.model import Descriptor, SVDNetModel
from reidbench_svdnet.phases import Phase, phase_at, phases

# Steps of the authors' ResNet-50: 25,000, then seven times 8,000 and 8,000.
BASE_STEPS, RRI_STEPS = 25_000, 7 * 16_000


@dataclass(kw_only=True)
class SVDNet(ClassificationLearner):
    """Learns to classify the training persons on projections that are decorrelated again and again.

    Algorithm 1 of the paper: base training; then in each round the Eigenlayer's weights W = U S V^T
    are replaced by U S, the rest learns on that (restraint), and all learns (relaxation).

    Attributes:
        eigen: vectors of the Eigenlayer, at most as many as the backbone has features.
        descriptor: the vector that is compared, the Eigenlayer's "output" or its "input".
        rri: rounds of restraint and relaxation.
        base: fraction of the training before the first round.
        restraint: fraction of each round in which the Eigenlayer is fixed.
        base_decay: fraction of the base training after which, each time, rates fall to a tenth.
        phase_decay: the same for each restraint and each relaxation.
        slow_from: rounds after which all rates are a tenth.
        epochs: passes over the images, of all phases together.
        enlarge: not done in the paper.

    The other parameters are those of ``ClassificationLearner``; "auto" keeps the statistics of
    batch normalisation.

    Raises:
        ValueError: if a value is out of range.
    """

    nesterov: ClassVar[bool] = False
    batch_norm_with_weights: ClassVar[BatchNorm] = "statistics"

    backbone: str = "resnet50"
    weights: str = NONE
    eigen: int = 1024
    dropout: float = 0.5
    descriptor: Descriptor = "output"
    rri: int = 7
    base: float = BASE_STEPS / (BASE_STEPS + RRI_STEPS)
    restraint: float = 0.5
    base_decay: float = 0.4
    phase_decay: float = 0.625
    slow_from: int = 3
    batch_norm: BatchNormOrAuto = "auto"
    normalisation: Normalisation = "imagenet"
    lr: float = 0.001
    backbone_lr: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 5e-4
    batch: int = 16
    epochs: int = 170
    flip: bool = True
    enlarge: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        at_least(1, eigen=self.eigen)
        at_least(0, rri=self.rri, slow_from=self.slow_from)
        within(0, 1, base=self.base, restraint=self.restraint)
        within(0.01, 1, base_decay=self.base_decay, phase_decay=self.phase_decay)

    def classifier(self, backbone: Backbone, num_pids: int) -> SVDNetModel:
        """Return a new model on top of a backbone."""
        return SVDNetModel(
            backbone,
            num_pids,
            eigen=self.eigen,
            dropout=self.dropout,
            descriptor=self.descriptor,
            normalisation=self.normalisation,
            batch_norm=self.resolved_batch_norm,
        )

    def begin_step(self, model: nn.Module, optimizer: Optimizer, clock: Clock) -> None:
        """Enter the phase of the step, if it is the first of one, and set the rates.

        Everything follows from the clock and the weights, so that resuming is exact.
        """
        plan = phases(clock.steps, self.rri, self.base, self.restraint)
        phase = phase_at(clock.step, plan)
        weight = cast(SVDNetModel, model).eigenlayer.weight
        weight.requires_grad_(phase.kind != "restraint")
        if clock.step == phase.first:
            optimizer.state.clear()  # each phase is a training of its own: momentum starts anew
            if phase.kind == "restraint":
                with torch.no_grad():
                    weight.copy_(decorrelated(weight))
        scale_rates(optimizer, self._factor(phase, clock.step))

    def learn(self, model: nn.Module, optimizer: Optimizer, pixels: Tensor, pid: Tensor) -> Log:
        """Make one step of classification; return loss, accuracy and S(W) before it."""
        measured = orthogonality(cast(SVDNetModel, model).eigenlayer.weight.detach())
        return {**super().learn(model, optimizer, pixels, pid), "S(W)": measured}

    def _factor(self, phase: Phase, step: int) -> float:
        every = self.base_decay if phase.kind == "base" else self.phase_decay
        slow = phase.round > self.slow_from
        return float(DECAY ** (int(phase.progress(step) / every) + slow))
