"""Base of all stages: values with a content key that compute an artifact."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import save
from torch import nn

from reidbench import __version__
from reidbench.engine.hardware import Hardware
from reidbench.engine.history import SUFFIX, trends
from reidbench.engine.loop import Loop
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress, say_nothing
from reidbench.registry.registry import Entry
from reidbench.storage.artifacts import RESUME
from reidbench.storage.files import write_bytes
from reidbench.storage.keys import JSON, digest


@dataclass(frozen=True)
class Work:
    """Everything that a stage computes with.

    Attributes:
        folder: folder to write the artifact's files to.
        inputs: folder of each finished input, by key.
        hardware: device and precision.
        progress: callback for images or steps done and in all.
        checkpoint_every: seconds between checkpoints of a training.
        say: told of what a person should know, in a line.
        traces: folder that profiles of its trainings go to; None for no profile.
        used: what its trainings tell of how they ran, by name; results keep it.
        resume: folder of the checkpoints; None for that of the artifact.
    """

    folder: Path
    inputs: Mapping[str, Path]
    hardware: Hardware
    progress: Progress
    checkpoint_every: float
    say: Callable[[str], None] = say_nothing
    traces: Path | None = None
    resume: Path | None = None
    used: dict[str, JSON] = field(default_factory=dict)

    def of(self, stage: Stage) -> Path:
        """Return the folder of an input."""
        return self.inputs[stage.key]

    def loop(self, seed: int) -> Loop:
        """Return the loop that this stage trains in."""
        folder, every = self.resume or self.folder / RESUME, self.checkpoint_every
        return Loop(
            folder, seed, self.hardware, self.progress, every, self.say, self.traces, self.used
        )


class Stage(ABC):
    """A function of its inputs and its own values, whose output is an artifact.

    Attributes:
        shares: True if several devices can compute it together.
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    shares: ClassVar[bool] = False

    @property
    @abstractmethod
    def title(self) -> str:
        """Title of the stage, for a person to read."""

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The stages whose artifacts it reads."""
        return ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The components whose code decides the output, beside those of its inputs."""
        return ()

    @abstractmethod
    def values(self) -> JSON:
        """Return everything but the inputs that decides the output."""

    @abstractmethod
    def compute(self, work: Work) -> dict[str, JSON]:
        """Write the artifact's files and return facts worth keeping with them."""

    @cached_property
    def facts(self) -> dict[str, JSON]:
        """Facts that the key is a digest of; the artifact's manifest holds them."""
        return {
            "stage": self.kind,
            "version": self.version,
            "values": self.values(),
            "inputs": [i.key for i in self.inputs],
        }

    @cached_property
    def key(self) -> str:
        """``<kind>/<digest>``."""
        return f"{self.kind}/{digest(self.facts)}"


def keep_losses(work: Work) -> dict[str, JSON]:
    """Keep the losses of every step as ``PHASE.losses.jsonl``, and return their trends by phase."""
    found: dict[str, JSON] = {}
    for path in sorted((work.folder / RESUME).glob(f"*{SUFFIX}")):
        shutil.copyfile(path, work.folder / path.name)
        found[path.name.removesuffix(SUFFIX)] = trends(path)
    return found


def save_weights(path: Path, module: nn.Module) -> None:
    """Write a module's state to a safetensors file.

    Raises:
        ReidbenchError: if a value is not finite.
    """
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in module.state_dict().items()}
    if not all(torch.isfinite(v).all() for v in tensors.values() if v.is_floating_point()):
        raise ReidbenchError(f"training diverged: {path.stem} holds values that are not finite")
    write_bytes(path, save(tensors, metadata={"reidbench": __version__}))
