"""Backbones by name: classification networks without their classifiers."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from reidbench.errors import did_you_mean
from reidbench.nn.small_resnet import SmallResNet
from reidbench.nn.timm_networks import PREFIX, build_timm, check_timm, timm_feature_map

SMALL = "small-resnet"
# Networks that pool globally, so that they take any image size and give one vector an image.
FAMILIES = (
    "convnext",
    "densenet",
    "efficientnet",
    "mnasnet",
    "mobilenet",
    "regnet",
    "resnet",
    "resnext",
    "shufflenet",
    "swin",
    "wide_resnet",
)
RESIDUAL = ("small-resnet", "resnet", "resnext", "wide_resnet")  # whose last stage is known
LAST_STAGES: dict[type[nn.Module], str] = {models.ResNet: "layer4", SmallResNet: "stages.2"}
CLASSIFIERS = ("fc", "classifier", "head")  # what torchvision calls them
# What leads to the last feature map; where nothing is said, it is "features".
STEPS: dict[type[nn.Module], tuple[str, ...]] = {
    SmallResNet: ("stem", "stages"),
    models.ResNet: (
        *("conv1", "bn1", "relu", "maxpool"),
        *("layer1", "layer2", "layer3", "layer4"),
    ),
    models.RegNet: ("stem", "trunk_output"),
    models.MNASNet: ("layers",),
    models.ShuffleNetV2: ("conv1", "maxpool", "stage2", "stage3", "stage4", "conv5"),
    models.SwinTransformer: ("features", "norm", "permute"),
}


@dataclass(frozen=True)
class Backbone:
    """A network whose output is its pooled feature.

    Attributes:
        network: ``[B, 3, H, W]`` to ``[B, width]``.
        width: length of the feature.
        classifier: name of the module where the classifier stood.
    """

    network: nn.Module
    width: int
    classifier: str


def backbone_names() -> list[str]:
    """Return all names that ``build_backbone`` takes, but for timm's."""
    named = models.list_models(models)
    return [SMALL, *(n for n in named if n.startswith(FAMILIES))]


def check_backbone(name: str) -> None:
    """Refuse a name that is no backbone.

    Raises:
        ValueError: with the nearest name, or saying how timm is installed.
    """
    if name.startswith(PREFIX):
        check_timm(name.removeprefix(PREFIX))
        return
    names = backbone_names()
    if name not in names:
        raise ValueError(f"there is no backbone '{name}'{did_you_mean(name, names)}")


def check_last_stride(name: str, last_stride: int) -> None:
    """Refuse a last stride of 1 for a backbone whose last stage is not known.

    Raises:
        ValueError: naming the families that have one.
    """
    if last_stride == 1 and not name.startswith(RESIDUAL):
        raise ValueError(
            f"last_stride=1 needs a residual network ({', '.join(RESIDUAL)}), not "
            f"'{name}'; set last_stride to 2"
        )


def build_backbone(name: str) -> Backbone:
    """Return a randomly initialised backbone: "small-resnet", torchvision's, or "timm:NAME"."""
    if name.startswith(PREFIX):
        return Backbone(*build_timm(name.removeprefix(PREFIX)))
    network = SmallResNet() if name == SMALL else models.get_model(name, weights=None)
    slot = next(s for s in CLASSIFIERS if hasattr(network, s))
    classifier = getattr(network, slot)
    layers = [*classifier] if isinstance(classifier, nn.Sequential) else [classifier]
    first = next(i for i, layer in enumerate(layers) if isinstance(layer, nn.Linear))
    kept = [layer for layer in layers[:first] if not isinstance(layer, nn.Dropout)]
    setattr(network, slot, nn.Sequential(*kept))
    return Backbone(network, layers[first].in_features, slot)


def keep_rows(network: nn.Module) -> None:
    """Set the strides of a residual network's last stage to 1, in place."""
    for layer in network.get_submodule(LAST_STAGES[type(network)]).modules():
        if isinstance(layer, nn.Conv2d):
            layer.stride = (1, 1)


def feature_map(network: nn.Module, pixels: Tensor) -> Tensor:
    """Return the last feature map ``[B, C, h, w]`` of a backbone: what it pools.

    Its average is the feature of every family but convnext, which normalises after pooling.

    Raises:
        UsageError: if a network of timm's has none.
    """
    if hasattr(network, "forward_features"):  # timm's networks have it, torchvision's none
        return timm_feature_map(network, pixels)
    maps = pixels
    for step in STEPS.get(type(network), ("features",)):
        maps = getattr(network, step)(maps)
    return F.relu(maps) if isinstance(network, models.DenseNet) else maps
