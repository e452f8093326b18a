"""The network of IDE+."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from reidbench_ide.backbones import Backbone

Normalisation = Literal["imagenet", "half"]
BatchNorm = Literal["learn", "statistics", "frozen"]

# Per channel, of images in [0, 1]; "half" is what every image here already has.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class IDEModel(nn.Module):
    """A backbone, and a classifier that is left out when persons are compared.

    Args:
        backbone: gives the features.
        num_pids: persons that the classifier tells apart.
        bottleneck: width of the layer before the classifier; 0 leaves it out.
        dropout: probability before the classifier.
        normalisation: of the pixels that the backbone sees.
        batch_norm: whether the backbone's batch normalisation learns; if not, its running
            statistics stay as they are ("statistics"), or its affine weights as well ("frozen").
    """

    scale: Tensor
    shift: Tensor

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
        super().__init__()
        self.backbone = backbone.network
        self.head = _head(backbone.width, bottleneck, dropout, num_pids)
        self.batch_norm = batch_norm
        mean, std = (MEAN, STD) if normalisation == "imagenet" else ((0.5,) * 3, (0.5,) * 3)
        self.register_buffer("scale", 0.5 / _channels(std), persistent=False)
        self.register_buffer("shift", (0.5 - _channels(mean)) / _channels(std), persistent=False)
        if batch_norm == "frozen":
            for layer in self._batch_norms():
                layer.requires_grad_(False)

    def features(self, pixels: Tensor) -> Tensor:
        """Return the pooled features ``[B, D]`` of images ``[B, 3, H, W]`` in [-1, 1]."""
        pooled: Tensor = self.backbone(pixels * self.scale + self.shift)
        return pooled.float()

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``[B, num_pids]``."""
        logits: Tensor = self.head(self.features(pixels))
        return logits.float()

    def train(self, mode: bool = True) -> IDEModel:
        """Switch as every module, but for batch normalisation that is not to learn."""
        super().train(mode)
        if self.batch_norm != "learn":
            for layer in self._batch_norms():
                layer.eval()
        return self

    def _batch_norms(self) -> list[nn.Module]:
        return [m for m in self.backbone.modules() if isinstance(m, _BatchNorm)]


def _head(width: int, bottleneck: int, dropout: float, num_pids: int) -> nn.Sequential:
    """Return the layers on top of the features, initialised as the authors' release does."""
    layers: list[nn.Module] = []
    if bottleneck:
        linear = nn.Linear(width, bottleneck)
        nn.init.kaiming_normal_(linear.weight, mode="fan_out")
        nn.init.zeros_(linear.bias)
        layers = [linear, nn.BatchNorm1d(bottleneck), nn.LeakyReLU(0.1)]
    classifier = nn.Linear(bottleneck or width, num_pids)
    nn.init.normal_(classifier.weight, std=0.001)
    nn.init.zeros_(classifier.bias)
    return nn.Sequential(*layers, nn.Dropout(dropout), classifier)


def _channels(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values).view(1, -1, 1, 1)
