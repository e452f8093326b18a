"""The baseline re-ID model of IPGAN.

Liu, Li and Pei, "Identity Preserving Generative Adversarial Network for Cross-Domain Person
Re-identification", section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from reidbench.components.classifying_learner import (
    BatchNorm,
    ClassificationLearner,
    Classifier,
    Normalisation,
    bottleneck_layers,
    person_layer,
)
from reidbench.interfaces import at_least
from reidbench.nn.backbones import Backbone
from reidbench.nn.weights import NONE


class BaselineModel(Classifier):
    """A backbone and two layers that are left out when persons are compared.

    Args:
        backbone: gives the features (Pool5).
        num_pids: persons that the last layer tells apart, N.
        bottleneck: width of the first layer; 0 leaves it out.
        plain: nothing but dropout stands between the layers.
        dropout: probability before the last layer.
        normalisation: of the pixels that the backbone sees.
        batch_norm: of the backbone; see ``Classifier``.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_pids: int,
        *,
        bottleneck: int,
        plain: bool,
        dropout: float,
        normalisation: Normalisation,
        batch_norm: BatchNorm,
    ) -> None:
        super().__init__(backbone, normalisation=normalisation, batch_norm=batch_norm)
        self.head = nn.Sequential(
            *bottleneck_layers(backbone.width, bottleneck, None if plain else nn.ReLU()),
            nn.Dropout(dropout),
            person_layer(bottleneck or backbone.width, num_pids),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``[B, num_pids]``."""
        logits: Tensor = self.head(self.features(pixels))
        return logits.float()


@dataclass(kw_only=True)
class Baseline(ClassificationLearner):
    """Learns to classify the training persons; the pooled features are compared.

    Attributes:
        bottleneck: width of the first of the two layers; 0 leaves it out.
        plain: nothing but dropout stands between the two layers; else batch normalisation and
            ReLU too, as in the release of CamStyle.
        enlarge: enlarges 256 pixels to 288.

    The other parameters are those of ``ClassificationLearner``.

    Raises:
        ValueError: if a value is out of range.
    """

    backbone: str = "resnet50"
    weights: str = NONE
    bottleneck: int = 1024
    plain: bool = False
    dropout: float = 0.5
    batch_norm: BatchNorm = "learn"
    normalisation: Normalisation = "imagenet"
    lr: float = 0.1
    backbone_lr: float = 0.01
    decay_from: float = 0.8
    momentum: float = 0.9
    weight_decay: float = 5e-4
    batch: int = 128
    epochs: int = 50
    flip: bool = True
    enlarge: float = 1.125

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        at_least(0, bottleneck=self.bottleneck)

    def classifier(self, backbone: Backbone, num_pids: int) -> BaselineModel:
        """Return a new model on top of a backbone."""
        return BaselineModel(
            backbone,
            num_pids,
            bottleneck=self.bottleneck,
            plain=self.plain,
            dropout=self.dropout,
            normalisation=self.normalisation,
            batch_norm=self.resolved_batch_norm,
        )
