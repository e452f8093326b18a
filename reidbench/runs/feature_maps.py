"""Feature maps of a run's learner before and after the translated images, of the same persons.

An activation is the sum over the channels of the squares of the last feature map before pooling, as
Zagoruyko and Komodakis, "Paying More Attention to Attention", ICLR 2017, section 3.1, have it and
torchreid draws it; each is scaled to [0, 1] by its own least and largest value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reidbench.config.recipe import Component
from reidbench.data.arrays import ImageArray
from reidbench.engine.hardware import Hardware, choose
from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation.features import JUNK
from reidbench.plots.figures import Panel, write_figure
from reidbench.plots.kept import KEY, artifacts, images_of
from reidbench.plots.panels import feature_maps
from reidbench.plots.style import Width
from reidbench.registry.loading import load_plugins
from reidbench.registry.registry import Registry
from reidbench.results.result import Result, load
from reidbench.stages.trained_model import load_model, on_device
from reidbench.storage.artifacts import Artifact, Store

PERSONS = 6
"""Persons that are drawn: queries, evenly spread over the identities."""
CAPTION = "activations: squares of the last feature map, over its channels; scaled image by image"


@dataclass(frozen=True, eq=False)
class Activations:
    """Images and what models see in them.

    Attributes:
        images: ``[N, H, W, 3]`` uint8.
        maps: ``[N, h, w]`` in [0, 1] of each model, by its title.
    """

    images: NDArray[np.uint8]
    maps: Mapping[str, NDArray[np.float32]]


def draw_feature_maps(
    file: Path, cache: Path, *, width: Width = "one", output: Path | None = None
) -> Path:
    """Draw the feature maps of a run, and return the path of the figure.

    Args:
        file: result of the run.
        cache: folder of stages, where the run kept models and test images.
        width: columns of a paper.
        output: file to write; None for an SVG beside the result.

    Raises:
        ReidbenchError: saying what is not in the cache, or that the figure cannot be written.
        UsageError: if the learner has no feature map, or is not installed.
    """
    result = load(file)
    found = activations_of(result, cache, load_plugins().registry, choose("auto", "float32"))
    panel = Panel(lambda axes: feature_maps(axes, found.images, found.maps), 2.4, 0)
    path = output or file.with_suffix(".features.svg")
    return write_figure(result, [panel], [CAPTION], width, path)


def activations_of(
    result: Result, cache: Path, registry: Registry, hardware: Hardware, persons: int = PERSONS
) -> Activations:
    """Return the activations of the source's model and of the one that is scored.

    Of direct transfer they are the same, and stand once.

    Args:
        result: of the run.
        cache: folder of stages, where the run kept models and test images.
        registry: knows the learner.
        hardware: to compute on.
        persons: how many are shown, one query image of each.

    Raises:
        ReidbenchError: saying what is not in the cache.
        UsageError: if the learner has no feature map, or is not installed.
    """
    embedded = list(artifacts(result, "embed", cache))
    if not embedded:
        raise _gone("features are")
    embed = embedded[-1][1]
    store = Store(cache)
    inputs = [_found(store, key) for key in list(embed.manifest.get("inputs", ()))[:2]]
    if len(inputs) < 2 or inputs[1] is None:
        raise _gone("test images are")
    if inputs[0] is None:
        raise _gone("model is")
    scored, tested = inputs[0], inputs[1]
    images = np.ascontiguousarray(images_of(tested)[_persons(embed, persons)])
    source = _source_model(result, scored, cache)
    models = {_title(model): model for model in (source, scored)}
    maps = {t: _activations(m, images, registry, hardware) for t, m in models.items()}
    return Activations(images, maps)


def _source_model(result: Result, scored: Artifact, cache: Path) -> Artifact:
    """Return the model of real source images that training on translated ones began with."""
    learned = {a.key: a for _, a in artifacts(result, "learn", cache)}
    model = scored
    while starts := [k for k in model.manifest.get("inputs", ()) if str(k).startswith("learn/")]:
        if starts[0] not in learned:
            raise _gone("source model is")
        model = learned[starts[0]]
    real = (a for a in (model, *learned.values()) if _of_real_images(a))
    if (found := next(real, None)) is None:
        raise _gone("source model is")
    return found


def _of_real_images(model: Artifact) -> bool:
    kinds = {str(key).partition("/")[0] for key in model.manifest.get("inputs", ())}
    return kinds == {"decode"}


def _activations(
    model: Artifact, images: NDArray[np.uint8], registry: Registry, hardware: Hardware
) -> NDArray[np.float32]:
    learner = _learner(model, registry).build()
    built = on_device(load_model(learner, model.path), hardware).eval()
    labels = np.zeros(len(images), np.int64)
    pixels = ImageArray(images, labels, labels).images(np.arange(len(images)), hardware.device)
    with torch.inference_mode(), hardware.autocast():
        maps = learner.feature_map(built, pixels.pixels)
    energy: NDArray[np.float32] = maps.float().square().sum(1).cpu().numpy()
    low, high = (f(energy, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
    scaled: NDArray[np.float32] = (energy - low) / np.maximum(high - low, np.float32(1e-12))
    return scaled


def _learner(model: Artifact, registry: Registry) -> Component:
    told: Any = model.manifest.get("values")
    told = told.get("learner") if isinstance(told, dict) else None
    if not isinstance(told, dict):
        raise UsageError(f"{model.key} is no learner's model alone: feature maps are a learner's")
    entry = registry.entry("learner", str(told["name"]))
    if entry.load().version != told["version"]:
        raise ReidbenchError(
            f"version {told['version']} of learner '{entry.name}' made {model.key}, and version "
            f"{entry.load().version} is installed; run it again"
        )
    return Component(entry, told["version"], told["parameters"])


def _persons(embed: Artifact, count: int) -> NDArray[np.int64]:
    """Return the rows of the first image of some persons, evenly spread over the identities."""
    pids = np.load(embed.path / "query_pids.npy")
    known, first = np.unique(pids, return_index=True)
    first = first[known != JUNK]
    chosen: NDArray[np.int64] = first[
        np.linspace(0, len(first) - 1, min(count, len(first))).astype(np.int64)
    ]
    return chosen


def _found(store: Store, key: object) -> Artifact | None:
    return store.find(str(key)) if KEY.fullmatch(str(key)) else None


def _title(model: Artifact) -> str:
    return str(model.manifest.get("title") or model.key)


def _gone(what: str) -> ReidbenchError:
    return ReidbenchError(f"the run's {what} not in the cache; run it again")
