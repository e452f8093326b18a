"""IDE+, the feature learner of SPGAN and eSPGAN.

Zheng, Yang and Hauptmann, "Person Re-identification: Past, Present and Future",
arXiv:1610.02984; trained as section 4.2 of Deng et al., "Similarity-preserving Image-image Domain
Adaptation for Person Re-identification", arXiv:1811.10551.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, cast

from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD

from reidbench.augment import Augmentation
from reidbench.clock import Clock
from reidbench.data.arrays import ImageArray, shuffled_rows
from reidbench.interfaces import FeatureLearner
from reidbench.nn.descent import descend, scale_rates
from reidbench.ranges import at_least, within
from reidbench.streams import generator
from reidbench.training import Log, Loop
from reidbench_ide.backbones import build_backbone, check_backbone
from reidbench_ide.model import BatchNorm, IDEModel, Normalisation
from reidbench_ide.weights import NONE, find_weights, load_weights

DECAY = 0.1  # of all rates, once


class IDE(FeatureLearner):
    """Learns to classify the training persons (eq. 9); the pooled features are compared.

    Args:
        backbone: "small-resnet" or a name of torchvision's, e.g. "resnet50".
        weights: "none" for random initialisation, the path of a file, or a name of torchvision's,
            e.g. "IMAGENET1K_V1", whose file must be on this machine.
        bottleneck: width of the layer before the classifier; 0 leaves it out.
        dropout: probability before the classifier.
        batch_norm: what becomes of the backbone's batch normalisation: "learn", "statistics" (its
            running statistics stay as loaded), "frozen" (its affine weights too), or "auto":
            frozen with weights from a file, learning without, where there is nothing to keep.
        normalisation: "imagenet", or "half" for mean and deviation 0.5 a channel (eSPGAN).
        lr: learning rate of the new layers.
        backbone_lr: learning rate of the backbone.
        decay_from: fraction of the run after which both rates are a tenth.
        momentum: of SGD, with Nesterov's look-ahead.
        weight_decay: of SGD, for all weights.
        batch: images in a step.
        epochs: passes over the images.
        flip: mirror training images at random.
        enlarge: enlarge training images by this factor and crop at random (288 to 256 pixels).

    Raises:
        ValueError: if a value is out of range.
    """

    files: ClassVar[frozenset[str]] = frozenset({"weights"})

    def __init__(
        self,
        *,
        backbone: str = "resnet50",
        weights: str = NONE,
        bottleneck: int = 512,
        dropout: float = 0.5,
        batch_norm: Literal["auto", "learn", "statistics", "frozen"] = "auto",
        normalisation: Normalisation = "imagenet",
        lr: float = 0.01,
        backbone_lr: float = 0.001,
        decay_from: float = 2 / 3,
        momentum: float = 0.9,
        weight_decay: float = 5e-4,
        batch: int = 16,
        epochs: int = 60,
        flip: bool = True,
        enlarge: float = 1.125,
    ) -> None:
        check_backbone(backbone)
        at_least(0, bottleneck=bottleneck, lr=lr, backbone_lr=backbone_lr)
        at_least(0, weight_decay=weight_decay)
        at_least(1, epochs=epochs, enlarge=enlarge)
        at_least(2, batch=batch)  # batch normalisation needs two rows
        within(0, 1, dropout=dropout, decay_from=decay_from, momentum=momentum)
        self.backbone, self.weights = backbone, weights
        self.bottleneck, self.dropout = bottleneck, dropout
        self.batch_norm, self.normalisation = _batch_norm(batch_norm, weights), normalisation
        self.lr, self.backbone_lr, self.decay_from = lr, backbone_lr, decay_from
        self.momentum, self.weight_decay = momentum, weight_decay
        self.batch, self.epochs = batch, epochs
        self.augmentation = Augmentation(flip=flip, enlarge=enlarge)

    def provenance(self) -> Mapping[str, str]:
        """Return where the backbone's initial weights come from.

        Raises:
            ReidbenchError: if they are not on this machine.
        """
        file = find_weights(self.backbone, self.weights)
        if file is None:
            return {"weights": "random initialisation"}
        return {"weights": file.label, "sha256": file.sha256}

    def build(self, num_pids: int) -> IDEModel:
        """Return a new model with a classifier over ``num_pids`` persons.

        Raises:
            ReidbenchError: if the initial weights are missing or do not fit.
        """
        backbone = build_backbone(self.backbone)
        if file := find_weights(self.backbone, self.weights):
            load_weights(backbone, file)
        return IDEModel(
            backbone,
            num_pids,
            bottleneck=self.bottleneck,
            dropout=self.dropout,
            normalisation=self.normalisation,
            batch_norm=self.batch_norm,
        )

    def fit(self, model: nn.Module, data: ImageArray, loop: Loop) -> None:
        """Train ``model`` in place on ``data``."""
        model.train()
        data = data.classes()
        optimizer = self._sgd(cast(IDEModel, model))

        def step(clock: Clock) -> Log:
            rows = shuffled_rows(len(data), self.batch, clock.step, loop.seed, "learner")
            images = data.images(rows, loop.hardware.device)
            images = self.augmentation(images, generator(loop.seed, "augment", clock.step))
            scale_rates(optimizer, 1.0 if clock.progress < self.decay_from else DECAY)
            return learn(model, optimizer, images.pixels, images.pid)

        steps = math.ceil(len(data) * self.epochs / self.batch)
        loop.run(steps, step, {"model": model, "optimizer": optimizer}, "learner")

    def embed(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the pooled features ``[B, D]``, before the bottleneck."""
        return cast(IDEModel, model).features(pixels)

    def _sgd(self, model: IDEModel) -> SGD:
        learning = [p for p in model.backbone.parameters() if p.requires_grad]
        groups = [
            {"params": learning, "lr": self.backbone_lr},
            {"params": [*model.head.parameters()], "lr": self.lr},
        ]
        nesterov = self.momentum > 0
        return SGD(
            groups,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            nesterov=nesterov,
            fused=True,
        )


def learn(model: nn.Module, optimizer: SGD, pixels: Tensor, pid: Tensor) -> Log:
    """Make one step of classification; return the loss and the accuracy on the batch."""
    logits: Tensor = model(pixels)
    loss = F.cross_entropy(logits, pid)
    descend(optimizer, loss)
    return {"loss": loss.detach(), "accuracy": (logits.argmax(1) == pid).float().mean()}


def _batch_norm(asked: Literal["auto", "learn", "statistics", "frozen"], weights: str) -> BatchNorm:
    if asked != "auto":
        return asked
    return "learn" if weights == NONE else "frozen"
