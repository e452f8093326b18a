"""Segmenters, pairs and stages for the tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from reidbench.config.recipe import Component
from reidbench.data.arrays import ImageArray
from reidbench.data.catalog import OpenDataset
from reidbench.data.dataset import Dataset, Split
from reidbench.data.decode import decode
from reidbench.data.mask_pairs import RenderedPairs
from reidbench.engine.hardware import Hardware
from reidbench.interfaces import Segmenter
from reidbench.progress import Progress, silent
from reidbench.registry.parameters import resolve
from reidbench.registry.registry import Registration
from reidbench.stages import Decode, Stage, Work
from reidbench.storage.artifacts import Artifact, Store
from reidbench.storage.keys import JSON
from reidbench.testing.toy_runs import toy_registry

CPU = Hardware(torch.device("cpu"))


class UpperHalf(Segmenter):
    """Finds the person in the upper half, half as surely on the right. It learns nothing."""

    def __init__(self, *, sure: float = 1.0) -> None:
        self.sure = sure

    def provenance(self) -> Mapping[str, str]:
        return {"weights": "thin air"}

    def build(self) -> nn.Module:
        return nn.Identity()

    def masks(self, model: nn.Module, pixels: Tensor) -> Tensor:
        masks = torch.zeros_like(pixels[:, :1])
        masks[:, :, : masks.shape[2] // 2] = self.sure
        masks[..., masks.shape[3] // 2 :] /= 2
        return masks


def component(name: str, **parameters: JSON) -> Component:
    registry, ours = toy_registry(), Registration("ours")
    ours.segmenter("upper-half", f"{__name__}:UpperHalf")
    registry.add(ours)
    entry = registry.entry("segmenter", name)
    kind = entry.load()
    return Component(entry, kind.version, resolve(kind, parameters, name))


def decoded(dataset: Dataset, split: Split, size: tuple[int, int], name: str = "toy") -> Decode:
    return Decode(OpenDataset(name, {}, dataset, dataset.fingerprint()), split, size)


def make(store: Store, stage: Stage, progress: Progress = silent) -> Artifact:
    """Make a stage and what it needs."""
    inputs = {i.key: make(store, i).path for i in stage.inputs}
    artifact, _ = store.make(
        stage.key,
        stage.facts,
        lambda folder: stage.compute(Work(folder, inputs, CPU, progress, 60.0)),
    )
    return artifact


def rendered(
    folder: Path, domains: tuple[str, ...], split: Split, size: tuple[int, int], ids: int = 8
) -> ImageArray:
    """Return rendered pairs."""
    folder /= f"{'+'.join(domains)}-{split}"
    folder.mkdir(parents=True)
    pairs = RenderedPairs(domains=domains, ids=ids, seed=1)
    decode(pairs, split, size, folder, workers=1)
    return ImageArray.open(folder)


def write_mask(path: Path, mask: np.ndarray[Any, Any], palette: list[int] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(mask)
    if palette is not None:
        image.putpalette(palette)
    image.save(path)
