"""Initial weights from files: found on this machine, hashed, never downloaded or unpickled."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from torchvision import models

from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.nn.backbones import SMALL, Backbone, build_backbone
from reidbench.nn.timm_networks import PREFIX
from reidbench.nn.weight_names import Match, MisfitError, match_names

NONE = "none"
SAFETENSORS = ".safetensors"
SUFFIXES = (".pth", ".pt", SAFETENSORS, ".pth.tar", ".tar", ".bin", ".ckpt", ".pkl", ".t7")
WRAPPERS = (
    *("state_dict", "state_dict_1", "state_dict_2"),
    *("model_state_dict", "model", "network", "net"),
)
"""Names under which checkpoints of training programs hold the weights."""
FOLDER = "weights"  # of the data root
DIGEST = "#sha256="  # after a file's name, as pip has it
# Files of torchvision's older densenets write "norm.1" where the modules are called "norm1".
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")


_folder: Path | None = None  # of this process; torch hub has such a place too


def look_for_weights_in(data_root: str | Path | None) -> None:
    """Name the folder whose ``weights`` this process looks into before torch hub's cache."""
    global _folder
    _folder = Path(data_root).expanduser().absolute() if data_root else None


def data_root_of_weights() -> str | None:
    """Return the folder that ``look_for_weights_in`` was given."""
    return str(_folder) if _folder else None


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

    A file that is not at its path is looked for by its name in the data root's ``weights``.

    Args:
        backbone: name of the backbone.
        weights: "none", the path of a file, perhaps followed by ``#sha256=`` and the digest that
            its content must have, or a name of torchvision's, e.g. "IMAGENET1K_V1".

    Raises:
        UsageError: if torchvision has no weights of that name for the backbone.
        ReidbenchError: naming the file and its folder, if it is missing or its digest differs.
    """
    if weights == NONE:
        return None
    name, _, digest = weights.partition(DIGEST)
    if not name.lower().endswith(SUFFIXES):
        return _published(backbone, weights)
    path = Path(name).expanduser()
    places = [path, *(folder / path.name for folder in _folders())]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        looked = " or ".join(str(place.absolute()) for place in places)
        raise ReidbenchError(f"there is no file of weights at {looked}")
    file = WeightsFile(path.name, found)
    if digest:
        _check_digest(file, digest.lower())
    return file


def load_weights(backbone: Backbone, file: WeightsFile) -> Match:
    """Give a backbone the weights of a file, and return how its names were understood.

    A classifier in the file is left out, and so is what other programs put on top.

    Raises:
        ReidbenchError: if the file cannot be read, or naming the weights that do not fit.
    """
    given = _read(file.path)
    match = _matched(backbone, given, file.path)
    tensors = {own: given[name] for own, name in match.names.items()}
    backbone.network.load_state_dict(tensors, strict=False)
    return match


def match_weights(backbone: str, file: WeightsFile) -> Match:
    """Return how the names of a file are understood as those of a backbone by name.

    Raises:
        ReidbenchError: if the file cannot be read, or naming the weights that do not fit.
    """
    stat = file.path.stat()
    return _match(backbone, file.path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=8)
def _match(backbone: str, path: Path, size: int, changed: int) -> Match:
    with torch.device("meta"):
        network = build_backbone(backbone)
    return _matched(network, _read(path), path)


def _matched(backbone: Backbone, given: Mapping[str, Tensor], path: Path) -> Match:
    modern = {_OLD_DENSENET.sub(r"\1\2.", name): name for name in given}
    own = {name: tuple(v.shape) for name, v in backbone.network.state_dict().items()}
    shapes = {name: tuple(given[old].shape) for name, old in modern.items()}
    try:
        ordered = path.suffix.lower() != SAFETENSORS
        found = match_names(own, shapes, backbone.classifier, ordered=ordered)
    except MisfitError as error:
        raise ReidbenchError(f"{path} does not fit the backbone: {error}") from error
    return replace(found, names={k: modern[v] for k, v in found.names.items()})


def _published(backbone: str, name: str) -> WeightsFile:
    if backbone.startswith(PREFIX):
        raise UsageError(
            f"weights of '{backbone}' are named by a file, not '{name}': put timm's "
            f"model.safetensors on this machine and give its path, or '{NONE}'"
        )
    known = {} if backbone == SMALL else models.get_model_weights(backbone).__members__
    if name not in known:
        hint = did_you_mean(name, [NONE, *known])
        raise UsageError(
            f"backbone '{backbone}' has no weights named '{name}'{hint}; "
            f"a file's path ends in {', '.join(SUFFIXES[:4])}"
        )
    url = known[name].url
    places = [folder / Path(url).name for folder in (*_folders(), _cache())]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        folders = " or ".join(str(place.parent) for place in places)
        named = "" if _folder else f", or in the folder '{FOLDER}' of --data-root"
        raise ReidbenchError(
            f"the weights '{name}' of '{backbone}' are not on this machine: "
            f"put {places[0].name} (from {url}) in {folders}{named}, "
            f"or name a file, or '{NONE}' for random initialisation"
        )
    file = WeightsFile(f"torchvision {backbone} {name}", found)
    _check_digest(file, found.stem.rpartition("-")[2])  # torchvision writes it into the name
    return file


def _folders() -> list[Path]:
    """Return the user's own place for weights, if one is named."""
    return [_folder / FOLDER] if _folder else []


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _check_digest(file: WeightsFile, expected: str) -> None:
    """Compare the file with what its SHA-256 starts with."""
    if not file.sha256.startswith(expected):
        raise ReidbenchError(
            f"{file.path} is damaged or another file: its SHA-256 starts with "
            f"{file.sha256[: max(8, len(expected))]}, not with {expected}; fetch it again"
        )


@lru_cache(maxsize=8)
def _sha256(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix.lower() == SAFETENSORS:
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the readers fail on a broken file in ever new ways
        raise ReidbenchError(f"{path} cannot be read as weights: {_reason(error)}") from error
    found = _unwrapped(content, path)
    if not found:
        raise ReidbenchError(
            f"{path} holds no plain mapping of names to tensors, nor one under "
            f"{' or '.join(WRAPPERS)}; save the weights alone: "
            "torch.save(network.state_dict(), FILE)"
        )
    return found


def _unwrapped(content: Any, path: Path) -> dict[str, Tensor]:
    """Return the weights that training programs wrap in a checkpoint."""
    if not isinstance(content, dict):
        return {}
    tensors = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, Tensor)}
    inner = [w for w in WRAPPERS if isinstance(content.get(w), dict)]
    if len(inner) > 1:
        raise ReidbenchError(f"{path} holds several networks ({', '.join(inner)}); save one")
    if inner:
        return _unwrapped(content[inner[0]], path)
    return tensors if len(tensors) == len(content) else {}


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
