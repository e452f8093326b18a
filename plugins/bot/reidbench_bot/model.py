"""The network of "Bag of Tricks", figure 2."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torchvision.models import ResNet

from reidbench.components.classifying_learner import (
    BatchNorm,
    Classifier,
    Normalisation,
    person_layer,
)
from reidbench.nn.backbones import Backbone, keep_rows


class BagOfTricksModel(Classifier):
    """A backbone, batch normalisation (BNNeck), and a classifier.

    Triplets compare the features before the neck, f_t; the classifier and the test read those
    after it, f_i.

    Args:
        backbone: gives f_t.
        num_pids: persons that the classifier tells apart.
        last_stride: of the backbone's last stage; 1 doubles the sides of the last map.
        stem_relu: keep the activation of the stem of torchvision's ResNets.
        neck: normalise; without, f_i is f_t.
        centers: keep a centre of f_t for each person.
        normalisation: of the pixels that the backbone sees.
        batch_norm: of the backbone; see ``Classifier``.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_pids: int,
        *,
        last_stride: Literal[1, 2],
        stem_relu: bool,
        neck: bool,
        centers: bool,
        normalisation: Normalisation,
        batch_norm: BatchNorm,
    ) -> None:
        super().__init__(backbone, normalisation=normalisation, batch_norm=batch_norm)
        if last_stride == 1:
            keep_rows(self.backbone)
        if not stem_relu and isinstance(self.backbone, ResNet):
            self.backbone.relu = nn.Identity()  # its blocks have activations of their own
        self.neck: nn.Module = _neck(backbone.width) if neck else nn.Identity()
        self.head = person_layer(backbone.width, num_pids)
        if neck:
            self.head.register_parameter("bias", None)
        self.centers = nn.Parameter(torch.randn(num_pids, backbone.width)) if centers else None

    def pooled(self, pixels: Tensor) -> Tensor:
        """Return f_t ``[B, D]`` of images ``[B, 3, H, W]`` in [-1, 1]."""
        return super().features(pixels)

    def features(self, pixels: Tensor) -> Tensor:
        """Return f_i ``[B, D]``, which is compared."""
        normalised: Tensor = self.neck(self.pooled(pixels))
        return normalised.float()

    def logits(self, pooled: Tensor) -> Tensor:
        """Return the persons' logits ``[B, num_pids]`` of f_t ``[B, D]``."""
        logits: Tensor = self.head(self.neck(pooled))
        return logits.float()

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``[B, num_pids]`` of images."""
        return self.logits(self.pooled(pixels))


def _neck(width: int) -> nn.BatchNorm1d:
    """Return batch normalisation without an offset of its own (section 3.5)."""
    neck = nn.BatchNorm1d(width)
    neck.bias.requires_grad_(False)
    return neck
