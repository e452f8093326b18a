"""Initial weights from files: found on this machine, hashed, never downloaded or unpickled."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from torchvision import models

from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.nn.backbones import SMALL, Backbone

NONE = "none"
SUFFIXES = (".pth", ".pt", ".safetensors")
WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Names under which checkpoints of training programs hold the weights."""
PREFIXES = ("module.", "model.")  # of DataParallel, and of a network within another
# Files of torchvision's older densenets write "norm.1" where the modules are called "norm1".
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights on this machine.

    Attributes:
        label: the name that results give: a torchvision name, or the file's own.
    """

    label: str
    path: Path

    @property
    def sha256(self) -> str:
        """Digest of the file's content."""
        stat = self.path.stat()
        return _sha256(self.path, stat.st_size, stat.st_mtime_ns)


def find_weights(backbone: str, weights: str) -> WeightsFile | None:
    """Return the file that ``weights`` names for a backbone, None for "none".

    Args:
        backbone: name of the backbone.
        weights: "none", the path of a file, or a name of torchvision's, e.g. "IMAGENET1K_V1".

    Raises:
        UsageError: if torchvision has no weights of that name for the backbone.
        ReidbenchError: naming the file and its folder, if it is not on this machine.
    """
    if weights == NONE:
        return None
    if not weights.endswith(SUFFIXES):
        return _published(backbone, weights)
    path = Path(weights).expanduser()
    if not path.is_file():
        raise ReidbenchError(f"there is no file of weights at {path.absolute()}")
    return WeightsFile(path.name, path)


def load_weights(backbone: Backbone, file: WeightsFile) -> None:
    """Give a backbone the weights of a file; a classifier in the file is left out.

    Raises:
        ReidbenchError: if the file cannot be read, or naming the weights that do not fit.
    """
    given = {_OLD_DENSENET.sub(r"\1\2.", k): v for k, v in _read(file.path).items()}
    own = backbone.network.state_dict()
    prefix = f"{backbone.classifier}."
    foreign = [k for k in given if k not in own and not k.startswith(prefix)]
    missing = [k for k in own if k not in given and not k.endswith("num_batches_tracked")]
    other = [k for k in own if k in given and own[k].shape != given[k].shape]
    if foreign or missing or other:
        parts = {"lacks": missing, "has in other shapes": other, "has besides": foreign}
        told = "; ".join(f"{what} {_some(names)}" for what, names in parts.items() if names)
        raise ReidbenchError(f"{file.path} does not fit the backbone: it {told}")
    fitting = {k: v for k, v in given.items() if k in own}
    backbone.network.load_state_dict(fitting, strict=False)


def _published(backbone: str, name: str) -> WeightsFile:
    known = {} if backbone == SMALL else models.get_model_weights(backbone).__members__
    if name not in known:
        hint = did_you_mean(name, [NONE, *known])
        raise UsageError(
            f"backbone '{backbone}' has no weights named '{name}'{hint}; "
            f"a file's path ends in {', '.join(SUFFIXES)}"
        )
    url = known[name].url
    file = WeightsFile(f"torchvision {backbone} {name}", _cache() / Path(url).name)
    if not file.path.is_file():
        raise ReidbenchError(
            f"the weights '{name}' of '{backbone}' are not on this machine: "
            f"put {file.path.name} (from {url}) in {file.path.parent}, "
            f"or name a file, or '{NONE}' for random initialisation"
        )
    _check_digest(file)
    return file


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _check_digest(file: WeightsFile) -> None:
    """Compare the file with the digest that torchvision writes into its name."""
    expected = file.path.stem.rpartition("-")[2]
    if not file.sha256.startswith(expected):
        raise ReidbenchError(
            f"{file.path} is damaged: its SHA-256 starts with {file.sha256[:8]}, "
            f"not with {expected}; delete it and fetch it again"
        )


@lru_cache(maxsize=8)
def _sha256(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the readers fail on a broken file in ever new ways
        raise ReidbenchError(f"{path} cannot be read as weights: {_reason(error)}") from error
    found = _unwrapped(content)
    if not found:
        raise ReidbenchError(
            f"{path} holds no plain mapping of names to tensors, nor one under "
            f"{' or '.join(WRAPPERS)}; save the weights alone: "
            "torch.save(network.state_dict(), FILE)"
        )
    return found


def _unwrapped(content: Any) -> dict[str, Tensor]:
    """Return the weights that training programs wrap in a checkpoint and name by their wrapper."""
    if isinstance(content, dict):
        inner = (content[w] for w in WRAPPERS if isinstance(content.get(w), dict))
        content = next(inner, content)
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        return {}
    for prefix in PREFIXES:
        if content and all(name.startswith(prefix) for name in content):
            return {name.removeprefix(prefix): v for name, v in content.items()}
    return content


def _reason(error: Exception) -> str:
    """Return why a file cannot be read, and what would do."""
    if isinstance(error, OSError):
        return error.strerror or "it cannot be opened"
    if isinstance(error, UnpicklingError):
        return (
            "it holds pickled Python objects, which can run any code and are never loaded, or is "
            "no file of torch; save the weights alone: torch.save(network.state_dict(), FILE)"
        )
    return "it is damaged, or no file of torch or safetensors; copy or save it anew"


def _some(names: Iterable[str], shown: int = 3) -> str:
    names = list(names)
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
