"""The network of SVDNet."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from reidbench.components.classifying_learner import (
    BatchNorm,
    Classifier,
    Normalisation,
    person_layer,
)
from reidbench.nn.backbones import Backbone

Descriptor = Literal["output", "input"]

INITIAL_DEVIATION = 0.01  # of the new layers' weights, as the authors set it


class SVDNetModel(Classifier):
    """A backbone, the Eigenlayer and a classifier (figure 2 of the paper).

    Args:
        backbone: gives the features.
        num_pids: persons that the classifier tells apart.
        eigen: vectors of the Eigenlayer; never more than the backbone has features, since no more
            can be orthogonal.
        dropout: probability before the classifier.
        descriptor: the vector that is compared, the Eigenlayer's "output" or its "input".
        normalisation: of the pixels that the backbone sees.
        batch_norm: of the backbone; see ``Classifier``.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_pids: int,
        *,
        eigen: int,
        dropout: float,
        descriptor: Descriptor,
        normalisation: Normalisation,
        batch_norm: BatchNorm,
    ) -> None:
        super().__init__(backbone, normalisation=normalisation, batch_norm=batch_norm)
        self.descriptor = descriptor
        eigen = min(eigen, backbone.width)
        self.eigenlayer = nn.Linear(backbone.width, eigen, bias=False)
        nn.init.normal_(self.eigenlayer.weight, std=INITIAL_DEVIATION)
        self.dropout = nn.Dropout(dropout)
        self.persons = person_layer(eigen, num_pids, INITIAL_DEVIATION)

    def features(self, pixels: Tensor) -> Tensor:
        """Return the Eigenlayer's output ``[B, eigen]``, or its input ``[B, D]``."""
        pooled = super().features(pixels)
        return pooled if self.descriptor == "input" else self._projected(pooled)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``[B, num_pids]``."""
        projected = self._projected(super().features(pixels))
        logits: Tensor = self.persons(self.dropout(projected))
        return logits.float()

    def _projected(self, pooled: Tensor) -> Tensor:
        projected: Tensor = self.eigenlayer(pooled)
        return projected.float()
