"""The siamese network of SimPGAN.

Lv and Wang, "Cross-dataset Person Re-Identification Using Similarity Preserved Generative
Adversarial Networks", KSEM 2018, section 4.2 and figure 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reidbench.components.classifying_learner import (
    BatchNorm,
    Classifier,
    Normalisation,
    person_layer,
)
from reidbench.nn.backbones import Backbone


class SiameseModel(Classifier):
    """A backbone that both images go through, under a score of the pair and one of each person.

    Args:
        backbone: gives the embedding v (Pool5).
        num_pids: persons that the identity layer tells apart, K.
        dropout: probability before either layer.
        normalisation: of the pixels that the backbone sees.
        batch_norm: of the backbone; see ``Classifier``.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_pids: int,
        *,
        dropout: float,
        normalisation: Normalisation,
        batch_norm: BatchNorm,
    ) -> None:
        super().__init__(backbone, normalisation=normalisation, batch_norm=batch_norm)
        self.dropout = nn.Dropout(dropout)
        self.score = person_layer(backbone.width, 1)  # theta_s of eq. 1
        self.persons = person_layer(backbone.width, num_pids)  # theta_x of eq. 3

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the persons' logits ``[B, num_pids]``, whose softmax is eq. 3."""
        return self.identify(self.features(pixels))

    def identify(self, features: Tensor) -> Tensor:
        """Return the persons' logits ``[B, num_pids]`` of features ``[B, D]``."""
        logits: Tensor = self.persons(self.dropout(features))
        return logits.float()

    def verify(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the logits ``[B]``, whose sigmoid is eq. 1, of pairs of features ``[B, D]``.

        In float32 whatever surrounds it: squares of small differences are what is compared.
        """
        with torch.autocast(first.device.type, enabled=False):
            squared: Tensor = self.dropout((first - second).square())
            return self.score(squared).squeeze(1)  # type: ignore[no-any-return]

    def similarity(self, first: Tensor, second: Tensor) -> Tensor:
        """Return ``verify`` without dropout of all pairs of ``[N, D]`` and ``[M, D]``, ``[N, M]``.

        The weighted squares are multiplied out, so that no ``[N, M, D]`` is needed; in float64,
        because their parts are far larger than their sum where two features are alike.
        """
        first, second = first.double(), second.double()
        weight, bias = self.score.weight[0].double(), self.score.bias.double()
        with torch.autocast(first.device.type, enabled=False):
            weighted = first * weight
            squares = (weighted * first).sum(1)[:, None] + second.square() @ weight
            return (squares - 2 * (weighted @ second.T) + bias).float()


def verification_loss(logits: Tensor, same: Tensor) -> Tensor:
    """Return eq. 2, averaged over the pairs.

    Args:
        logits: ``[B]`` of eq. 1, before the sigmoid.
        same: ``[B]`` whether the pairs show one person.
    """
    return F.binary_cross_entropy_with_logits(logits, same.to(logits.dtype))
