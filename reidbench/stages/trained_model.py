"""Base of all stages that make a re-ID model."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from reidbench.config.recipe import Component
from reidbench.engine.hardware import Hardware
from reidbench.engine.streams import stream
from reidbench.interfaces import FeatureLearner
from reidbench.stages.base import Stage, save_weights
from reidbench.storage.files import write_json

WEIGHTS, FACTS = "model.safetensors", "model.json"


class TrainedModel(Stage):
    """A stage whose output is a trained model of a learner.

    Attributes:
        learner: the learner that builds and uses the model.
        precision: precision of the forward passes.
    """

    learner: Component
    precision: str

    @property
    @abstractmethod
    def provenance(self) -> Mapping[str, str]:
        """Origin of the initial weights."""

    def load(self, folder: Path, hardware: Hardware) -> tuple[FeatureLearner, nn.Module]:
        """Return the learner and its trained model, in evaluation mode."""
        learner: FeatureLearner = self.learner.build()
        return learner, on_device(load_model(learner, folder), hardware).eval()


def save_model(folder: Path, model: nn.Module, num_pids: int) -> None:
    """Write what ``TrainedModel.load`` reads."""
    save_weights(folder / WEIGHTS, model)
    write_json(folder / FACTS, {"num_pids": num_pids})


def load_model(learner: FeatureLearner, folder: Path) -> nn.Module:
    """Return the model of a learner that ``save_model`` wrote."""
    num_pids = json.loads((folder / FACTS).read_text())["num_pids"]
    with stream(0, "blank"):  # what is drawn here is overwritten
        model = learner.blank(num_pids)
    model.load_state_dict(load_file(folder / WEIGHTS))
    return model


def on_device(model: nn.Module, hardware: Hardware) -> nn.Module:
    """Move a model to the device, its images channels-last."""
    model.to(hardware.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model
