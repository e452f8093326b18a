"""The strong baseline of "Bag of Tricks".

Luo, Gu, Liao, Lai and Jiang, "Bag of Tricks and a Strong Baseline for Deep Person
Re-identification", CVPRW 2019, arXiv:1903.07071.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam, Optimizer

from reidbench.components.classifying_learner import (
    DECAY,
    BatchNorm,
    ClassificationLearner,
    Normalisation,
)
from reidbench.data.arrays import ImageArray, Rows, person_rows
from reidbench.data.augment import Augmentation, Erasing
from reidbench.engine.descent import descend, scale_rates
from reidbench.interfaces import Clock, Images, Log, at_least, within
from reidbench.nn.backbones import Backbone, check_backbone, check_last_stride
from reidbench.nn.triplet import batch_hard
from reidbench.nn.weights import NONE
from reidbench_bot.model import BagOfTricksModel

WARMUP_FROM = 0.1  # of the rate
PADDED_HEIGHT = 256  # pixels of the images that the padding is of


@dataclass(kw_only=True)
class BagOfTricks(ClassificationLearner):
    """Learns to classify the training persons and to part them by triplets, by Adam.

    A batch holds ``batch / instances`` persons. Every trick is a parameter that leaves it out.

    Attributes:
        batch: images in a step, P x K.
        instances: images of each person in a batch (K).
        epochs: as many steps as would pass so often over the images.
        adam_rate: learning rate of Adam. It is no ``lr``, because those of benchmarks are of SGD.
        backbone_rate: factor of the rate for the backbone.
        weight_decay: added to Adam's gradients, for all weights.
        warmup: fraction of the run in which the rate rises from a tenth; 0 for none.
        first_decay: fraction of the run after which the rate is a tenth.
        second_decay: fraction of the run after which it is a hundredth.
        erasing: probability that an image is erased at random; 0 for none.
        smoothing: epsilon of the labels; 0 for none.
        last_stride: of the backbone's last stage; 2 leaves the network as it is.
        stem_relu: keep the activation of the stem, where the backbone is a ResNet of torchvision's.
        neck: batch normalisation between triplets and classifier (BNNeck).
        triplet: weight of the triplet loss; 0 for none.
        margin: of the triplet loss; None for its soft form.
        center: weight of the center loss (beta); 0 for none.
        center_rate: rate of the centres' own SGD.
        pad: pixels added at each side, of images of height 256; then cropped at random.
        flip: mirror training images at random.

    The backbone's parameters are those of ``ClassificationLearner``.

    Raises:
        ValueError: if a value is out of range.
    """

    omitted_from_key_at_default: ClassVar[frozenset[str]] = frozenset(
        {"backbone_rate", "stem_relu"}
    )

    backbone: str = "resnet50"
    weights: str = NONE
    batch_norm: BatchNorm = "learn"
    normalisation: Normalisation = "imagenet"
    last_stride: Literal[1, 2] = 1
    stem_relu: bool = True
    neck: bool = True
    batch: int = 64
    instances: int = 4
    epochs: int = 120
    adam_rate: float = 3.5e-4
    backbone_rate: float = 1.0
    weight_decay: float = 5e-4
    warmup: float = 10 / 120
    first_decay: float = 40 / 120
    second_decay: float = 70 / 120
    smoothing: float = 0.1
    triplet: float = 1.0
    margin: float | None = 0.3
    center: float = 5e-4
    center_rate: float = 0.5
    erasing: float = 0.5
    pad: int = 10
    flip: bool = True

    def __post_init__(self) -> None:
        """Check the ranges: others than those of learners that descend by SGD at two rates."""
        check_backbone(self.backbone)
        check_last_stride(self.backbone, self.last_stride)
        at_least(1, instances=self.instances, epochs=self.epochs)
        at_least(max(2, self.instances), batch=self.batch)
        at_least(0, adam_rate=self.adam_rate, weight_decay=self.weight_decay, pad=self.pad)
        at_least(0, backbone_rate=self.backbone_rate, triplet=self.triplet)
        at_least(0, margin=self.margin or 0)
        at_least(0, center=self.center, center_rate=self.center_rate)
        within(0, 1, warmup=self.warmup, smoothing=self.smoothing, erasing=self.erasing)
        within(0, 1, first_decay=self.first_decay)
        within(self.first_decay, 1, second_decay=self.second_decay)
        if self.batch % self.instances:
            raise ValueError(
                f"batch: {self.batch} images are no whole number of persons with "
                f"{self.instances} each (instances)"
            )

    def classifier(self, backbone: Backbone, num_pids: int) -> BagOfTricksModel:
        """Return a new model on top of a backbone."""
        return BagOfTricksModel(
            backbone,
            num_pids,
            last_stride=self.last_stride,
            stem_relu=self.stem_relu,
            neck=self.neck,
            centers=self.center > 0,
            normalisation=self.normalisation,
            batch_norm=self.batch_norm,
        )

    def rows(self, data: ImageArray, step: int, seed: int) -> Rows:
        """Return the rows of P persons, K beside each other of each."""
        persons = self.batch // self.instances
        return person_rows(data.pids, persons, self.instances, step, seed, "learner")

    def augment(self, images: Images, draws: Generator) -> Images:
        """Mirror, pad with black and crop, then erase."""
        pad = round(self.pad * images.pixels.shape[2] / PADDED_HEIGHT)
        erasing = Erasing(self.erasing, fill="mean") if self.erasing else None
        drawn = Augmentation(flip=self.flip, pad=pad, padding="black", erasing=erasing)
        return drawn(images, draws)

    def begin_step(self, model: nn.Module, optimizer: Optimizer, clock: Clock) -> None:
        """Set the rate of the step to come: warm-up, then two falls."""
        scale_rates(optimizer, self.rate(clock.progress))

    def rate(self, progress: float) -> float:
        """Return the factor of the rate at a fraction of the run (section 3.1)."""
        if progress < self.warmup:
            return WARMUP_FROM + (1 - WARMUP_FROM) * progress / self.warmup
        falls = (progress >= self.first_decay) + (progress >= self.second_decay)
        return float(DECAY**falls)

    def learn(self, model: nn.Module, optimizer: Optimizer, pixels: Tensor, pid: Tensor) -> Log:
        """Make one step down ID, triplet and center loss (eq. 5)."""
        network = cast(BagOfTricksModel, model)
        pooled = network.pooled(pixels)
        logits = network.logits(pooled)
        losses = {"loss": F.cross_entropy(logits, pid, label_smoothing=self.smoothing)}
        if self.triplet:
            losses["triplet"] = self.triplet * batch_hard(pooled, pid, self.margin)
        if network.centers is not None:
            losses["center"] = self.center * center_loss(pooled, network.centers, pid)
        descend(optimizer, torch.stack([*losses.values()]).sum())
        self._move_centers(network)
        accuracy = (logits.argmax(1) == pid).float().mean()
        return {name: loss.detach() for name, loss in losses.items()} | {"accuracy": accuracy}

    def loss(self, model: nn.Module, pixels: Tensor, pid: Tensor) -> Tensor:
        """Return the cross-entropy of the persons with smoothed labels."""
        return F.cross_entropy(model(pixels), pid, label_smoothing=self.smoothing)

    def optimizer(self, model: nn.Module) -> Adam:
        """Return Adam of all weights but the centres, those of the backbone at their own rate."""
        named = [(n, p) for n, p in model.named_parameters() if p.requires_grad and n != "centers"]
        apart = self.backbone_rate != 1
        old = [p for n, p in named if apart and n.startswith("backbone.")]
        new = [p for n, p in named if not (apart and n.startswith("backbone."))]
        groups: list[dict[str, Any]] = [{"params": new}]
        if old:
            groups.append({"params": old, "lr": self.adam_rate * self.backbone_rate})
        return Adam(groups, lr=self.adam_rate, weight_decay=self.weight_decay, fused=True)

    @torch.no_grad()
    def _move_centers(self, model: BagOfTricksModel) -> None:
        """Make the centres' step of SGD, of which no weight of their loss is a part."""
        if model.centers is not None and model.centers.grad is not None:
            model.centers.sub_(model.centers.grad, alpha=self.center_rate / self.center)
            model.centers.grad = None


def center_loss(features: Tensor, centers: Tensor, pid: Tensor) -> Tensor:
    """Return the squared distance of features ``[B, D]`` to their persons' centres, averaged.

    Wen et al., "A Discriminative Feature Learning Approach for Deep Face Recognition", ECCV 2016;
    eq. 4, with the mean of the authors' release.
    """
    return (features - centers[pid]).square().sum(1).mean()
