"""Learning an embedding."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from safetensors.torch import load_file
from torch import nn

from reidbench.config.recipe import Component
from reidbench.data.arrays import ImageArray, TargetViews
from reidbench.engine.embedding import Classifier, Extractor
from reidbench.engine.first_step import check_model
from reidbench.engine.flops import of_training
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.engine.metering import peak_memory
from reidbench.engine.streams import stream
from reidbench.interfaces import FeatureLearner
from reidbench.registry.registry import Entry
from reidbench.stages.base import Stage, Work, keep_losses
from reidbench.stages.decode import TrainingImages, concatenated
from reidbench.stages.trained_model import WEIGHTS, TrainedModel, on_device, save_model
from reidbench.storage.keys import JSON, derive_seed

if TYPE_CHECKING:
    from reidbench.stages.translate_views import TranslateViews

ACCURACY_IMAGES = 1000
"""Training images, evenly spread, that tell how well a model learned them if there are more."""


@dataclass(frozen=True)
class Learn(TrainedModel):
    """Learn an embedding from labelled images, afresh or from another model.

    Attributes:
        data: the labelled images.
        start: the model to start from.
        views: the target's images, between its cameras, to learn from beside the labelled ones.
    """

    kind: ClassVar[str] = "learn"
    shares: ClassVar[bool] = True

    learner: Component
    data: tuple[TrainingImages, ...]
    seed: int
    precision: str
    start: Learn | None = None
    views: TranslateViews | None = None

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        words = {"decode": "real", "translate": "translated", "true-translation": "true"}
        what = " and ".join(words.get(d.kind, d.kind) for d in self.data)
        beside = " and the target's between its cameras" if self.views else ""
        return (
            f"{'fine-tune' if self.start else 'learn'} {self.learner.name} on {what} images{beside}"
        )

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The images, the model to start from, and the target's images."""
        target = (self.views, self.views.originals) if self.views else ()
        return (*self.data, *((self.start,) if self.start else ()), *target)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The learner."""
        return (self.learner.entry,)

    def values(self) -> JSON:
        """Return the learner, its initial weights' provenance, seed and precision."""
        return {
            "learner": self.learner.identity(),
            # The file's hash says it all; how its names are told may be put in other words.
            "provenance": {k: v for k, v in self.provenance.items() if k != "mapping"},
            "seed": self.seed,
            "precision": self.precision,
        }

    @cached_property
    def provenance(self) -> dict[str, str]:
        """Origin of the initial weights."""
        built: FeatureLearner = self.learner.build()
        return dict(built.provenance())

    def compute(self, work: Work) -> dict[str, JSON]:
        """Train, and write the model's weights."""
        data = concatenated([d.open(work.of(d)) for d in self.data]).classes()
        learner: FeatureLearner = self.learner.build()
        model = self._begun(learner, data.num_pids, work)
        loop = work.loop(derive_seed(self._root, "fit"))
        target = self.views.beside(work) if self.views else None
        train = partial(_train, data=data, target=target)
        # Another learner is rehearsed with, lest it remember anything.
        cost = of_training(lambda r: train(self.learner.build(), deepcopy(model), loop=r), loop)
        with peak_memory(work.hardware) as memory:
            train(learner, model, loop=loop)
        save_model(work.folder, model, data.num_pids)
        parameters = sum(p.numel() for p in model.parameters())
        training = {
            "losses": keep_losses(work),
            "accuracy": _accuracy(learner, model.eval(), data, work.hardware),
            "persons": data.num_pids,
        }
        return {"parameters": parameters, "cost": cost, "measured": memory, "training": training}

    def _begun(self, learner: FeatureLearner, num_pids: int, work: Work) -> nn.Module:
        """Return the model to train: a new one, or that of ``start``."""
        with stream(self._root, "build"):
            build = learner.blank if self.start else learner.build
            model = build(num_pids)
            check_model(learner, model)
            model = on_device(model, work.hardware)
        if self.start:
            model.load_state_dict(load_file(work.of(self.start) / WEIGHTS))
        return model

    @property
    def _root(self) -> int:
        return derive_seed(self.seed, "learner")


def _train(
    learner: FeatureLearner,
    model: nn.Module,
    data: ImageArray,
    target: TargetViews | None,
    loop: Loop,
) -> None:
    if target is None:
        learner.fit(model, data, loop)
    else:
        learner.adapt(model, data, target, loop)


def _accuracy(
    learner: FeatureLearner, model: nn.Module, data: ImageArray, hardware: Hardware
) -> float | None:
    """Return how often the model names the right person in its own training images, as they are.

    None if the learner does not classify persons.
    """
    rows = np.linspace(0, len(data) - 1, min(len(data), ACCURACY_IMAGES)).round().astype(np.int64)
    shown = data.rows(rows)
    try:
        named = Extractor(Classifier(learner, model), hardware)(shown)
    except Exception:  # it names nobody, or a plugin's learner fails where no training needs it
        return None
    return float((named[:, 0] == shown.pids).mean())
