"""The network of PCB."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reidbench.components.classifying_learner import (
    BatchNorm,
    Classifier,
    Normalisation,
    person_layer,
)
from reidbench.nn.backbones import Backbone, keep_rows

Descriptor = Literal["pooled", "reduced"]


class PCBModel(Classifier):
    """A backbone whose last feature map is cut into stripes, each with a classifier of its own.

    Figure 2 and section 3.1 of the paper: the stripes are averaged to g, reduced to h and
    classified.

    Args:
        backbone: gives the feature map.
        num_pids: persons that the classifiers tell apart.
        parts: stripes. As many rows as the map has for each; where they do not divide, neighbours
            share a row, and where the map has fewer rows than stripes, rows are repeated.
        last_stride: of the backbone's last stage; 1 doubles the rows of the map.
        stretch: height of the images that the backbone sees, over the height of those given.
        bottleneck: channels of h; 0 leaves the reduction out.
        shared: all stripes are reduced by the same layer.
        dropout: probability before the reduction.
        descriptor: the vectors that are compared, g ("pooled") or h ("reduced").
        normalisation: of the pixels that the backbone sees.
        batch_norm: of the backbone; see ``Classifier``.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_pids: int,
        *,
        parts: int,
        last_stride: Literal[1, 2],
        stretch: float,
        bottleneck: int,
        shared: bool,
        dropout: float,
        descriptor: Descriptor,
        normalisation: Normalisation,
        batch_norm: BatchNorm,
    ) -> None:
        super().__init__(backbone, normalisation=normalisation, batch_norm=batch_norm)
        if last_stride == 1:
            keep_rows(self.backbone)
        self.parts, self.stretch, self.descriptor = parts, stretch, descriptor
        self.dropout = nn.Dropout(dropout)
        layers = 1 if shared else parts
        self.reductions = nn.ModuleList(
            _reduction(backbone.width, bottleneck) for _ in range(layers)
        )
        width = bottleneck or backbone.width
        self.classifiers = nn.ModuleList(person_layer(width, num_pids) for _ in range(parts))

    def feature_map(self, pixels: Tensor) -> Tensor:
        """Return the last feature map ``[B, D, h, w]`` of the stretched images."""
        if self.stretch > 1:
            # A factor, not a size: a size would depend on the images and hinder the symbolic
            # trace that folds batch normalisation away when images are embedded.
            pixels = F.interpolate(pixels, scale_factor=(self.stretch, 1.0), mode="bilinear")
        return super().feature_map(pixels)

    def stripes(self, pixels: Tensor) -> Tensor:
        """Return g, the stripes' averages ``[B, D, parts, 1]`` from top to bottom."""
        return F.adaptive_avg_pool2d(self.feature_map(pixels), (self.parts, 1))

    def reduced(self, stripes: Tensor) -> Tensor:
        """Return h, ``[B, bottleneck, parts, 1]``, of ``stripes``."""
        if len(self.reductions) == 1:
            shared: Tensor = self.reductions[0](stripes)
            return shared
        return torch.cat([r(stripes[:, :, i : i + 1]) for i, r in enumerate(self.reductions)], 2)

    def features(self, pixels: Tensor) -> Tensor:
        """Return G (or H), ``[B, parts * D]``: the stripes' vectors, each of length 1."""
        vectors = self.stripes(pixels)
        if self.descriptor == "reduced":
            vectors = self.reduced(vectors)
        return F.normalize(vectors.float(), dim=1).squeeze(3).transpose(1, 2).flatten(1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``[B, parts, num_pids]``."""
        vectors = self.reduced(self.dropout(self.stripes(pixels)))
        logits = [layer(vectors[:, :, i, 0]) for i, layer in enumerate(self.classifiers)]
        return torch.stack(logits, 1).float()


def _reduction(width: int, bottleneck: int) -> nn.Module:
    if not bottleneck:
        return nn.Identity()
    convolution = nn.Conv2d(width, bottleneck, 1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out")
    return nn.Sequential(convolution, nn.BatchNorm2d(bottleneck), nn.ReLU(inplace=True))
