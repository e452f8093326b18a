"""IDE+, the feature learner of SPGAN and eSPGAN.

Zheng, Yang and Hauptmann, "Person Re-identification: Past, Present and Future",
arXiv:1610.02984; trained as section 4.2 of Deng et al., "Similarity-preserving Image-image Domain
Adaptation for Person Re-identification", arXiv:1811.10551.
"""

from __future__ import annotations

from typing import Literal

from reidbench.components.classifying_learner import (
    ClassificationLearner,
    Normalisation,
    kept_with_weights,
)
from reidbench.interfaces import at_least
from reidbench.nn.backbones import Backbone
from reidbench.nn.weights import NONE
from reidbench_ide.model import IDEModel


class IDE(ClassificationLearner):
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
        super().__init__(
            backbone=backbone,
            weights=weights,
            dropout=dropout,
            batch_norm=kept_with_weights(batch_norm, weights, "frozen"),
            normalisation=normalisation,
            lr=lr,
            backbone_lr=backbone_lr,
            decay_from=decay_from,
            momentum=momentum,
            weight_decay=weight_decay,
            batch=batch,
            epochs=epochs,
            flip=flip,
            enlarge=enlarge,
        )
        at_least(0, bottleneck=bottleneck)
        self.bottleneck = bottleneck

    def classifier(self, backbone: Backbone, num_pids: int) -> IDEModel:
        """Return a new model on top of a backbone."""
        return IDEModel(
            backbone,
            num_pids,
            bottleneck=self.bottleneck,
            dropout=self.dropout,
            normalisation=self.normalisation,
            batch_norm=self.batch_norm,
        )
