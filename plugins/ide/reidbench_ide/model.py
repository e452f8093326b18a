"""The network of IDE+."""

from __future__ import annotations

from torch import Tensor, nn

from reidbench.components.classifying_learner import (
    BatchNorm,
    Classifier,
    Normalisation,
    bottleneck_layers,
    person_layer,
)
from reidbench.nn.backbones import Backbone


class IDEModel(Classifier):
    """A backbone, and a classifier that is left out when persons are compared.

    Args:
        backbone: gives the features.
        num_pids: persons that the classifier tells apart.
        bottleneck: width of the layer before the classifier; 0 leaves it out.
        dropout: probability before the classifier.
        normalisation: of the pixels that the backbone sees.
        batch_norm: "learn" if the backbone's batch normalisation learns; if not, its running
            statistics stay as they are ("statistics"), or its affine weights as well ("frozen").
    """

    def __init__(
        self,
        backbone: Backbone,
        num_pids: int,
        *,
        bottleneck: int,
        dropout: float,
        normalisation: Normalisation,
        batch_norm: BatchNorm,
    ) -> None:
        super().__init__(backbone, normalisation=normalisation, batch_norm=batch_norm)
        self.head = _head(backbone.width, bottleneck, dropout, num_pids)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``[B, num_pids]``."""
        logits: Tensor = self.head(self.features(pixels))
        return logits.float()


def _head(width: int, bottleneck: int, dropout: float, num_pids: int) -> nn.Sequential:
    """Return the layers on top of the features, initialised as the authors' release does."""
    layers = bottleneck_layers(width, bottleneck, nn.LeakyReLU(0.1))
    return nn.Sequential(*layers, nn.Dropout(dropout), person_layer(bottleneck or width, num_pids))
