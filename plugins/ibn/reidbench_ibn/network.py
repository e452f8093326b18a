"""Instance normalisation in the shallow layers of a residual network.

Pan, Luo, Shi and Tang, "Two at Once: Enhancing Learning and Generalization Capacities via
IBN-Net", ECCV 2018, arXiv:1807.09441.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal, TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import ResNet
from torchvision.models.resnet import BasicBlock, Bottleneck

from reidbench.nn.norm import InstanceNorm
from reidbench.nn.small_resnet import SmallResNet

Variant = Literal["ipgan", "ipgan-after-relu", "ibn-a", "ibn-b"]
Block: TypeAlias = BasicBlock | Bottleneck


def add_instance_norms(network: nn.Module, variant: Variant) -> None:
    """Give a residual network instance normalisation, in place.

    Args:
        network: torchvision's, or the small one, whose stem and first two stages stand for conv1,
            conv2_x and conv3_x.
        variant: "ipgan" adds three layers after conv1, conv2_x and conv3_x, before the ReLU that
            ends each; "ipgan-after-relu" adds them after it. "ibn-b" is as the first, but in conv1
            takes the place of the batch normalisation. "ibn-a" normalises half of the channels by
            row instead of by batch, in the first layer of each block of all groups but the last.
    """
    if variant == "ibn-a":
        for block in _blocks_before_the_last_group(network):
            block.bn1 = HalfInstanceNorm(block.bn1)
        return
    places = _places(network)
    _normalise_stem(network, places, variant)
    for name in places.groups:
        block = network.get_submodule(name)
        norm = _new(_width(block))
        after = variant == "ipgan-after-relu"
        network.set_submodule(
            name, nn.Sequential(block, norm) if after else SumNormalised(block, norm)
        )


class SumNormalised(nn.Module):
    """A residual block whose sum is normalised before its last ReLU.

    Args:
        block: its own forward pass is not used.
        norm: of the sum.
    """

    def __init__(self, block: Block, norm: nn.Module) -> None:
        super().__init__()
        self.block, self.norm = block, norm

    def forward(self, x: Tensor) -> Tensor:
        """Return maps as the block does."""
        shortcut = x if self.block.downsample is None else self.block.downsample(x)
        return F.relu(self.norm(_residual(self.block, x) + shortcut))


class HalfInstanceNorm(nn.Module):
    """Instance normalisation of the first half of the channels, batch normalisation of the rest.

    Args:
        norm: whose place it takes; both halves take over its scale and offset, and the second its
            statistics.

    Attributes:
        by_row: channels of the first half.
    """

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.by_row = norm.num_features // 2
        self.instance = _taking_over(norm, self.by_row)
        self.batch = nn.BatchNorm2d(norm.num_features - self.by_row, norm.eps, norm.momentum)
        kept = {k: v[self.by_row :] if v.ndim else v for k, v in norm.state_dict().items()}
        self.batch.load_state_dict(kept)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps ``[B, C, H, W]``."""
        halves = self.instance(x[:, : self.by_row]), self.batch(x[:, self.by_row :])
        return torch.cat(halves, 1)


@dataclass(frozen=True)
class _Places:
    """Names of conv1's batch normalisation and ReLU, and of the last blocks of two groups."""

    norm: str
    relu: str
    groups: tuple[str, str]


def _places(network: nn.Module) -> _Places:
    if isinstance(network, SmallResNet):
        return _Places("stem.1", "stem.2", ("stages.0", "stages.1"))
    assert isinstance(network, ResNet)
    last = (len(network.layer1) - 1, len(network.layer2) - 1)
    return _Places("bn1", "relu", (f"layer1.{last[0]}", f"layer2.{last[1]}"))


def _normalise_stem(network: nn.Module, places: _Places, variant: Variant) -> None:
    norm = network.get_submodule(places.norm)
    assert isinstance(norm, nn.BatchNorm2d)
    if variant == "ibn-b":
        network.set_submodule(places.norm, _taking_over(norm, norm.num_features))
        return
    name = places.relu if variant == "ipgan-after-relu" else places.norm
    layers = network.get_submodule(name), _new(norm.num_features)
    network.set_submodule(name, nn.Sequential(*layers))


def _blocks_before_the_last_group(network: nn.Module) -> Iterator[Block]:
    if isinstance(network, SmallResNet):
        return cast(Iterator[Block], iter(network.stages[:-1]))
    assert isinstance(network, ResNet)
    return cast(Iterator[Block], chain(network.layer1, network.layer2, network.layer3))


def _residual(block: Block, x: Tensor) -> Tensor:
    """Return what a block adds to its shortcut."""
    x = F.relu(block.bn1(block.conv1(x)))
    if isinstance(block, BasicBlock):
        return cast(Tensor, block.bn2(block.conv2(x)))
    x = F.relu(block.bn2(block.conv2(x)))
    return cast(Tensor, block.bn3(block.conv3(x)))


def _width(block: Block) -> int:
    last = block.bn3 if isinstance(block, Bottleneck) else block.bn2
    return cast(nn.BatchNorm2d, last).num_features


def _new(channels: int) -> InstanceNorm:
    """Return a layer of scale 1 and offset 0 that learns both."""
    return InstanceNorm(channels, channels)


def _taking_over(norm: nn.BatchNorm2d, channels: int) -> InstanceNorm:
    """Return a layer with the scale and the offset of the first of another one's channels."""
    layer = _new(channels)
    with torch.no_grad():
        layer.weight.copy_(norm.weight[:channels])
        layer.bias.copy_(norm.bias[:channels])
    return layer
