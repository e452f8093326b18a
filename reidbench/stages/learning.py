"""Learning an embedding."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import load_file
from torch import nn

from reidbench.files import write_json
from reidbench.hardware import Hardware
from reidbench.interfaces import FeatureLearner
from reidbench.keys import JSON, derive_seed
from reidbench.recipe import Component
from reidbench.stages.base import Stage, Work, save_weights
from reidbench.stages.images import TrainingImages, concatenated
from reidbench.streams import stream


@dataclass(frozen=True)
class Learn(Stage):
    """Learn an embedding from labelled images, afresh or from another model."""

    kind: ClassVar[str] = "learn"

    learner: Component
    data: tuple[TrainingImages, ...]
    seed: int
    precision: str
    start: Learn | None = None

    @property
    def title(self) -> str:
        """What it does."""
        words = {"decode": "real", "translate": "translated"}
        what = " and ".join(words.get(d.kind, d.kind) for d in self.data)
        return f"{'fine-tune' if self.start else 'learn'} {self.learner.name} on {what} images"

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The images, and the model to start from."""
        return (*self.data, *((self.start,) if self.start else ()))

    def values(self) -> JSON:
        """Return the learner, its initial weights' provenance, seed and precision."""
        return {
            "learner": self.learner.identity(),
            "provenance": self.provenance,
            "seed": self.seed,
            "precision": self.precision,
        }

    @cached_property
    def provenance(self) -> dict[str, str]:
        """Where the initial weights come from."""
        built: FeatureLearner = self.learner.build()
        return dict(built.provenance())

    def compute(self, work: Work) -> dict[str, JSON]:
        """Train, and write the model's weights."""
        data = concatenated([d.open(work.of(d)) for d in self.data]).classes()
        learner, model = self._built(data.num_pids, work.hardware)
        if self.start:
            model.load_state_dict(load_file(work.of(self.start) / "model.safetensors"))
        learner.fit(model, data, work.loop(derive_seed(self._root, "fit")))
        save_weights(work.folder / "model.safetensors", model)
        write_json(work.folder / "model.json", {"num_pids": data.num_pids})
        return {"parameters": sum(p.numel() for p in model.parameters())}

    def load(self, folder: Path, hardware: Hardware) -> tuple[FeatureLearner, nn.Module]:
        """Return the learner and its trained model, in evaluation mode."""
        num_pids = json.loads((folder / "model.json").read_text())["num_pids"]
        learner, model = self._built(num_pids, hardware)
        model.load_state_dict(load_file(folder / "model.safetensors"))
        return learner, model.eval()

    @property
    def _root(self) -> int:
        return derive_seed(self.seed, "learner")

    def _built(self, num_pids: int, hardware: Hardware) -> tuple[FeatureLearner, nn.Module]:
        learner: FeatureLearner = self.learner.build()
        with stream(self._root, "build"):
            model = learner.build(num_pids)
        model.to(hardware.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return learner, model
