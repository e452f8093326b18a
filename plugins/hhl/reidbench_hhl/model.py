"""The network of HHL, figure 2."""

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

STD = 0.001  # of the triplets' layer, as the authors' release draws it


class HHLModel(Classifier):
    """A backbone, a layer on it, and on that two branches: persons and triplets.

    Args:
        backbone: gives the features that are compared.
        num_pids: persons that the classifier tells apart.
        bottleneck: width of the layer under both branches; 0 leaves it out.
        triplet_features: width of the triplets' branch.
        dropout: probability before the classifier.
        normalisation: of the pixels that the backbone sees.
        batch_norm: of the backbone; see ``Classifier``.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_pids: int,
        *,
        bottleneck: int,
        triplet_features: int,
        dropout: float,
        normalisation: Normalisation,
        batch_norm: BatchNorm,
    ) -> None:
        super().__init__(backbone, normalisation=normalisation, batch_norm=batch_norm)
        width = bottleneck or backbone.width
        self.layer = nn.Sequential(*bottleneck_layers(backbone.width, bottleneck, nn.ReLU()))
        self.triplet = nn.Linear(width, triplet_features)
        nn.init.normal_(self.triplet.weight, std=STD)
        nn.init.zeros_(self.triplet.bias)
        self.head = nn.Sequential(nn.Dropout(dropout), person_layer(width, num_pids))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the persons' logits ``[B, num_pids]``."""
        logits: Tensor = self.head(self.layer(self.features(pixels)))
        return logits.float()

    def embedded(self, pixels: Tensor) -> Tensor:
        """Return what triplets compare, ``[B, triplet_features]``."""
        features: Tensor = self.triplet(self.layer(self.features(pixels)))
        return features.float()
