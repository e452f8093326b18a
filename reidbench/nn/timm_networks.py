"""Networks of timm as backbones, where it is installed: ``timm:`` before timm's own name."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from torch import Tensor, nn

from reidbench.errors import UsageError, did_you_mean

PREFIX = "timm:"


def check_timm(name: str) -> None:
    """Refuse a name without its prefix that timm does not know.

    Raises:
        ValueError: with the nearest name, or saying how timm is installed.
    """
    timm = _timm()
    if not timm.is_model(name):
        architectures = timm.list_models()
        near = did_you_mean(name, architectures)
        hint = near if near.endswith("?") else f"; timm.list_models() names {len(architectures)}"
        raise ValueError(f"timm has no network '{name}'{hint}")


def build_timm(name: str) -> tuple[nn.Module, int, str]:
    """Return a randomly initialised network without its classifier.

    Transformers are made to take any image size where timm lets them.

    Returns:
        The network, the length of its feature, and the name of the module that it has lost.
    """
    create = _timm().create_model
    try:
        network = create(name, pretrained=False, num_classes=0, dynamic_img_size=True)
    except TypeError:  # the class knows no such choice
        network = create(name, pretrained=False, num_classes=0)
    lost = network.default_cfg["classifier"]
    width = getattr(network, "head_hidden_size", network.num_features)
    return network, width, lost if isinstance(lost, str) else lost[0]


def timm_feature_map(network: Any, pixels: Tensor) -> Tensor:
    """Return the last feature map ``[B, C, h, w]`` of a network of timm's.

    Raises:
        UsageError: if it has none, or computes more of its feature after pooling.
    """
    maps: Tensor = network.forward_features(pixels)
    if maps.dim() == 4 and getattr(network, "output_fmt", "NCHW") == "NHWC":
        maps = maps.permute(0, 3, 1, 2)
    if maps.dim() != 4 or maps.shape[1] != getattr(network, "head_hidden_size", maps.shape[1]):
        raise UsageError(
            f"timm's {type(network).__name__} pools no feature map of its feature's length; "
            "leave out what reads one (embedding.pool, --pool), or take another backbone"
        )
    return maps


def timm_version() -> str:
    """Return timm's version; empty where it is not installed."""
    try:
        return version("timm")
    except PackageNotFoundError:
        return ""


def _timm() -> Any:
    try:
        import timm
    except ImportError as error:
        raise ValueError(
            f"backbones named '{PREFIX}...' are timm's: pip install 'reidbench[timm]'"
        ) from error
    return timm
