"""IDE+, the feature learner of SPGAN and eSPGAN.

Zheng, Yang and Hauptmann, "Person Re-identification: Past, Present and Future",
arXiv:1610.02984; trained as section 4.2 of Deng et al., "Similarity-preserving Image-image Domain
Adaptation for Person Re-identification", arXiv:1811.10551.
"""

from __future__ import annotations

from dataclasses import dataclass

from reidbench.components.classifying_learner import (
    BatchNormOrAuto,
    ClassificationLearner,
    Normalisation,
)
from reidbench.interfaces import at_least
from reidbench.nn.backbones import Backbone
from reidbench.nn.weights import NONE
from reidbench_ide.model import IDEModel


@dataclass(kw_only=True)
class IDE(ClassificationLearner):
    """Learns to classify the training persons (eq. 9); the pooled features are compared.

    Attributes:
        bottleneck: width of the layer before the classifier; 0 leaves it out.
        normalisation: "imagenet", or "half" as eSPGAN has it.
        enlarge: enlarges 256 pixels to 288.

    The other parameters are those of ``ClassificationLearner``; "auto" freezes batch normalisation.

    Raises:
        ValueError: if a value is out of range.
    """

    backbone: str = "resnet50"
    weights: str = NONE
    bottleneck: int = 512
    dropout: float = 0.5
    batch_norm: BatchNormOrAuto = "auto"
    normalisation: Normalisation = "imagenet"
    lr: float = 0.01
    backbone_lr: float = 0.001
    decay_from: float = 2 / 3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    batch: int = 16
    epochs: int = 60
    flip: bool = True
    enlarge: float = 1.125

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        at_least(0, bottleneck=self.bottleneck)

    def classifier(self, backbone: Backbone, num_pids: int) -> IDEModel:
        """Return a new model on top of a backbone."""
        return IDEModel(
            backbone,
            num_pids,
            bottleneck=self.bottleneck,
            dropout=self.dropout,
            normalisation=self.normalisation,
            batch_norm=self.resolved_batch_norm,
        )
