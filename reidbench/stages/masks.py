"""Making person masks, where a dataset has none of its own or others are asked for."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

from reidbench.config.recipe import Component
from reidbench.data.arrays import ImageArray
from reidbench.data.catalog import OpenDataset
from reidbench.data.dataset import Split
from reidbench.data.mask_pairs import open_pairs
from reidbench.engine.embedding import batch_of
from reidbench.engine.first_step import check_masks, check_model
from reidbench.engine.flops import of_training
from reidbench.engine.hardware import Hardware
from reidbench.engine.metering import peak_memory
from reidbench.engine.streams import stream
from reidbench.evaluation.overlap import overlap
from reidbench.interfaces import Segmenter
from reidbench.progress import Progress
from reidbench.registry.registry import Entry
from reidbench.stages.base import Stage, Work, save_weights
from reidbench.stages.decode import DatasetImages, Decode
from reidbench.stages.trained_model import WEIGHTS, on_device
from reidbench.storage.files import mapped_array, write_json
from reidbench.storage.keys import JSON, derive_seed

MASKS, FACTS = "masks.npy", "masks.json"


@dataclass(frozen=True)
class LearnMasks(Stage):
    """Train a segmenter on images with masks, and measure it on others that were held out."""

    kind: ClassVar[str] = "segmenter"
    shares: ClassVar[bool] = True

    segmenter: Component
    images: Decode
    held_out: Decode
    seed: int
    precision: str

    @classmethod
    def of(
        cls,
        segmenter: Component,
        size: tuple[int, int],
        seed: int,
        precision: str,
        *,
        skip_corrupt: bool = False,
    ) -> LearnMasks | None:
        """Return the stage that a segmenter needs; None if it learns nothing.

        Args:
            segmenter: what learns.
            size: height and width of the images that are to be masked.
            seed: of the training.
            precision: of the forward passes.
            skip_corrupt: whether to leave out pairs that cannot be decoded.

        Raises:
            ReidbenchError: if the images it learns from cannot be read.
        """
        built: Segmenter = segmenter.build()
        if (pairs := built.pairs()) is None:
            return None
        data = open_pairs(pairs, skip_corrupt=skip_corrupt)
        images, held_out = Decode(data, "train", size), Decode(data, "query", size)
        return cls(segmenter, images, held_out, seed, precision)

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return f"learn masks by {self.segmenter.name} from {self.images.data.title}"

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The images to learn from, and those to measure on."""
        return (self.images, self.held_out)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The segmenter."""
        return (self.segmenter.entry,)

    def values(self) -> JSON:
        """Return the segmenter, where its initial weights come from, seed and precision."""
        return {**_identity(self.segmenter), "seed": self.seed, "precision": self.precision}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Train, write the model's weights, and measure the masks of the held-out images."""
        data, held_out = (d.open(work.of(d)) for d in (self.images, self.held_out))
        segmenter: Segmenter = self.segmenter.build()
        root = derive_seed(self.seed, self.kind)
        with stream(root, "build"):
            model = segmenter.build()
            check_model(segmenter, model)
            model = on_device(model, work.hardware)
        loop = work.loop(derive_seed(root, "fit"))
        cost = of_training(lambda r: self.segmenter.build().fit(deepcopy(model), data, r), loop)
        with peak_memory(work.hardware) as measured:
            segmenter.fit(model, data, loop)
        save_weights(work.folder / WEIGHTS, model)
        iou = _agreement(_made(segmenter, model.eval(), held_out, work), held_out)
        write_json(work.folder / FACTS, {"iou": iou})
        parameters = sum(p.numel() for p in model.parameters())
        return {"parameters": parameters, "iou": iou, "cost": cost, "measured": measured}

    def load(self, folder: Path, hardware: Hardware) -> nn.Module:
        """Return the trained model."""
        segmenter: Segmenter = self.segmenter.build()
        with stream(0, "blank"):  # what is drawn here is overwritten
            model = segmenter.blank()
        model.load_state_dict(load_file(folder / WEIGHTS))
        return on_device(model, hardware)


@dataclass(frozen=True)
class Masked(DatasetImages):
    """The same images with masks that a segmenter made.

    Attributes:
        learned: the training of the segmenter; None if it comes with its weights.
    """

    kind: ClassVar[str] = "masked"

    images: Decode
    segmenter: Component
    learned: LearnMasks | None
    precision: str

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return f"mask {self.images.data.title} {self.images.split} by {self.segmenter.name}"

    @property
    def data(self) -> OpenDataset:  # type: ignore[override]
        """The dataset of the images."""
        return self.images.data

    @property
    def split(self) -> Split:  # type: ignore[override]
        """The split that the images are."""
        return self.images.split

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images."""
        return self.images.size

    @property
    def made_by(self) -> str:
        """Origin of the masks, for results: "unet learned from synthetic"."""
        if self.learned is not None:
            return f"{self.segmenter.name} learned from {self.learned.images.data.title}"
        weights = _provenance(self.segmenter).get("weights")
        return f"{self.segmenter.name} with {weights}" if weights else self.segmenter.name

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The images, and what the segmenter learned."""
        return (self.images, *((self.learned,) if self.learned else ()))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The segmenter."""
        return (self.segmenter.entry,)

    def values(self) -> JSON:
        """Return the segmenter, where its weights come from, and the precision."""
        return {**_identity(self.segmenter), "precision": self.precision}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write the masks beside the images, and ``masks.json``, which tells of them."""
        for name in ("pixels.npy", "pids.npy", "cams.npy"):
            _share(work.of(self.images) / name, work.folder / name)
        images = self.images.open(work.of(self.images))
        masks = mapped_array(work.folder / MASKS, images.pixels.shape[:3])
        segmenter: Segmenter = self.segmenter.build()
        made = _made(segmenter, self._model(segmenter, work).eval(), images, work, out=masks)
        facts = {
            "from": self.made_by,
            "iou": None if images.masks is None else _agreement(made, images),
            "learned_iou": self._learned_iou(work),
            "coverage": float(made.mean(dtype=np.float64) / 255),
        }
        masks.flush()
        write_json(work.folder / FACTS, facts)
        return {"images": len(images), "masks": facts}

    def _model(self, segmenter: Segmenter, work: Work) -> nn.Module:
        if self.learned is not None:
            return self.learned.load(work.of(self.learned), work.hardware)
        with stream(0, "blank"):  # nothing that is drawn may stay
            return on_device(segmenter.build(), work.hardware)

    def _learned_iou(self, work: Work) -> JSON:
        if self.learned is None:
            return None
        return json.loads((work.of(self.learned) / FACTS).read_text())["iou"]


def _made(
    segmenter: Segmenter,
    model: nn.Module,
    images: ImageArray,
    work: Work,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Return the masks of all images, ``[N, H, W]`` in 0..255; they are put into ``out``."""
    masks = np.empty(images.pixels.shape[:3], np.uint8) if out is None else out
    for rows, made in _batches(segmenter, model, images, work.hardware, work.progress):
        masks[rows] = made
    return masks


@torch.inference_mode()
def _batches(
    segmenter: Segmenter,
    model: nn.Module,
    images: ImageArray,
    hardware: Hardware,
    progress: Progress,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    size = batch_of(hardware, images.pixels.shape[1:3])
    for start in range(0, len(images), size):
        rows = np.arange(start, min(start + size, len(images)))
        pixels = images.images(rows, hardware.device).pixels
        with hardware.autocast():
            masks = segmenter.masks(model, pixels)
        if not start:
            check_masks(segmenter, masks, pixels)
        levels = (masks.float().squeeze(1) * 255).round().clamp(0, 255).to(torch.uint8)
        yield rows, levels.cpu().numpy()
        progress(int(rows[-1]) + 1, len(images), {})


def _agreement(made: NDArray[np.uint8], images: ImageArray) -> dict[str, JSON]:
    assert images.masks is not None
    return overlap(made, images.masks).to_dict()


def _identity(segmenter: Component) -> dict[str, JSON]:
    return {"segmenter": segmenter.identity(), "provenance": _provenance(segmenter)}


def _provenance(segmenter: Component) -> dict[str, str]:
    built: Segmenter = segmenter.build()
    return dict(built.provenance())


def _share(old: Path, new: Path) -> None:
    """Give an artifact's file, which nobody changes, another name; or copy it."""
    try:
        os.link(old, new)
    except OSError:  # not every file system can
        shutil.copyfile(old, new)
