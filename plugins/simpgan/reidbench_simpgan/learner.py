"""The siamese re-ID classifier of SimPGAN.

Lv and Wang, "Cross-dataset Person Re-Identification Using Similarity Preserved Generative
Adversarial Networks", KSEM 2018, section 4.2; what it leaves open is as the release of its
reference [18] has it: Zheng, Zheng and Yang, "A Discriminatively Learned CNN Embedding for Person
Re-identification", TOMM 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from reidbench.components.classifying_learner import BatchNorm, ClassificationLearner, Normalisation
from reidbench.data.arrays import ImageArray, Rows
from reidbench.engine.descent import descend
from reidbench.interfaces import Log, at_least
from reidbench.nn.backbones import Backbone
from reidbench.nn.weights import NONE
from reidbench_simpgan.network import SiameseModel, verification_loss
from reidbench_simpgan.pairs import PairDraw


@dataclass(kw_only=True)
class Siamese(ClassificationLearner):
    """Learns to verify pairs and to name both persons; features or scores are compared.

    Attributes:
        dropout: probability before the score and before the identity layer.
        lr: learning rate of the identity layer.
        score_lr: learning rate of the layer that gives the score.
        decay_from: fraction of the run after which all rates are a tenth.
        batch: images in a step, two of each pair.
        epochs: passes over the images, each one being the first of a pair once a pass.
        negatives: pairs of different persons for each of the same one, in the first pass.
        negatives_growth: factor on ``negatives`` after each pass.
        negatives_limit: the most that ``negatives`` comes to.
        enlarge: enlarges 224 pixels to 256.

    The other parameters are those of ``ClassificationLearner``.

    Raises:
        ValueError: if a value is out of range, or ``batch`` is odd.
    """

    nesterov: ClassVar[bool] = False

    backbone: str = "resnet50"
    weights: str = NONE
    dropout: float = 0.9
    batch_norm: BatchNorm = "learn"
    normalisation: Normalisation = "imagenet"
    lr: float = 0.001
    score_lr: float = 0.1
    backbone_lr: float = 0.0001
    decay_from: float = 70 / 75
    momentum: float = 0.9
    weight_decay: float = 5e-4
    batch: int = 96
    epochs: int = 75
    negatives: float = 1.0
    negatives_growth: float = 1.01
    negatives_limit: float = 4.0
    flip: bool = True
    enlarge: float = 8 / 7

    def __post_init__(self) -> None:
        """Check the ranges, and that a batch holds whole pairs."""
        super().__post_init__()
        at_least(0, score_lr=self.score_lr)
        if self.batch % 2:
            raise ValueError(f"batch must be even, it holds pairs; got {self.batch}")
        self.draw = PairDraw(self.negatives, self.negatives_growth, self.negatives_limit)

    def classifier(self, backbone: Backbone, num_pids: int) -> SiameseModel:
        """Return a new model on top of a backbone."""
        return SiameseModel(
            backbone,
            num_pids,
            dropout=self.dropout,
            normalisation=self.normalisation,
            batch_norm=self.resolved_batch_norm,
        )

    def steps(self, data: ImageArray) -> int:
        """Return how many steps ``fit`` makes: every image is the first of a pair once a pass."""
        return -(-len(data) * self.epochs // (self.batch // 2))

    def rows(self, data: ImageArray, step: int, seed: int) -> Rows:
        """Return the pairs of a step, rows ``(2k, 2k + 1)``, as a function of the step alone."""
        return self.draw.rows(data.pids, self.batch, step, seed)

    def learn(self, model: nn.Module, optimizer: Optimizer, pixels: Tensor, pid: Tensor) -> Log:
        """Make one step on pairs in rows ``(2k, 2k + 1)``; return the losses and the accuracy."""
        siamese = cast(SiameseModel, model)
        features = siamese.features(pixels)
        logits = siamese.identify(features)
        verification = verification_loss(
            siamese.verify(features[0::2], features[1::2]), pid[0::2] == pid[1::2]
        )
        identification = 2 * F.cross_entropy(logits, pid)  # eq. 4 adds both images' up
        loss = verification + identification
        descend(optimizer, loss)
        return {
            "loss": loss.detach(),
            "verification": verification.detach(),
            "accuracy": (logits.argmax(1) == pid).float().mean(),
        }

    def verification_loss(
        self, model: nn.Module, first: Tensor, second: Tensor, same: Tensor
    ) -> Tensor:
        """Return eq. 2 of pairs of images ``[B, 3, H, W]``, averaged over them."""
        siamese = cast(SiameseModel, model)
        features = siamese.features(torch.cat([first, second]))
        return verification_loss(siamese.verify(features[: len(same)], features[len(same) :]), same)

    def similarity(self, model: nn.Module, first: Tensor, second: Tensor) -> Tensor:
        """Return the logit of eq. 1, whose order is that of the score, ``[N, M]``."""
        return cast(SiameseModel, model).similarity(first, second)

    def optimizer(self, model: nn.Module) -> Optimizer:
        """Return SGD with a rate each for the backbone, the identity layer and the score."""
        optimizer = super().optimizer(model)
        score = [*cast(SiameseModel, model).score.parameters()]
        new = optimizer.param_groups[1]["params"]
        optimizer.param_groups[1]["params"] = [p for p in new if all(p is not s for s in score)]
        optimizer.add_param_group({"params": score, "lr": self.score_lr})
        return optimizer
