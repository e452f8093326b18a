"""PCB, the part-based convolutional baseline.

Sun, Zheng, Yang, Tian and Wang, "Beyond Part Models: Person Retrieval with Refined Part Pooling
(and a Strong Convolutional Baseline)", ECCV 2018, arXiv:1711.09349, without the refined pooling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from reidbench.components.classifying_learner import BatchNorm, ClassificationLearner, Normalisation
from reidbench.interfaces import at_least
from reidbench.nn.backbones import Backbone, check_last_stride
from reidbench.nn.weights import NONE
from reidbench_pcb.model import Descriptor, PCBModel


@dataclass(kw_only=True)
class PCB(ClassificationLearner):
    """Learns to classify the training persons from each stripe; the stripes are compared.

    Attributes:
        parts: stripes.
        last_stride: of the backbone's last stage; 1 needs a residual network.
        stretch: images are enlarged by this factor in height, bilinearly, before the backbone
            sees them (256x128 to 384x128 pixels).
        bottleneck: width of each stripe's vector before its classifier; 0 leaves the reduction out.
        shared: one reduction for all stripes; false gives each its own.
        dropout: probability before the reduction.
        descriptor: the vectors that are compared: the stripes' averages ("pooled", the paper's G)
            or their reductions ("reduced", the paper's H).
        enlarge: not done in the paper.

    The other parameters are those of ``ClassificationLearner``.

    Raises:
        ValueError: if a value is out of range.
    """

    backbone: str = "resnet50"
    weights: str = NONE
    parts: int = 6
    last_stride: Literal[1, 2] = 1
    stretch: float = 1.5
    bottleneck: int = 256
    shared: bool = True
    dropout: float = 0.5
    descriptor: Descriptor = "pooled"
    batch_norm: BatchNorm = "learn"
    normalisation: Normalisation = "imagenet"
    lr: float = 0.1
    backbone_lr: float = 0.01
    decay_from: float = 2 / 3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    batch: int = 64
    epochs: int = 60
    flip: bool = True
    enlarge: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges, and that the backbone has a last stride."""
        super().__post_init__()
        at_least(1, parts=self.parts, stretch=self.stretch)
        at_least(0, bottleneck=self.bottleneck)
        check_last_stride(self.backbone, self.last_stride)

    def classifier(self, backbone: Backbone, num_pids: int) -> PCBModel:
        """Return a new model on top of a backbone."""
        return PCBModel(
            backbone,
            num_pids,
            parts=self.parts,
            last_stride=self.last_stride,
            stretch=self.stretch,
            bottleneck=self.bottleneck,
            shared=self.shared,
            dropout=self.dropout,
            descriptor=self.descriptor,
            normalisation=self.normalisation,
            batch_norm=self.resolved_batch_norm,
        )

    def log_likelihood(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the sum ``[B, num_pids]`` over the stripes, so that their losses are summed."""
        logits: Tensor = model(pixels)
        return logits.log_softmax(2).sum(1)
