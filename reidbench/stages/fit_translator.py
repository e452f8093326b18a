"""Training a translator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

import numpy as np
from safetensors.torch import load_file

from reidbench.config.recipe import Budget, Component
from reidbench.engine.flops import of_translation
from reidbench.engine.gan import Domains, fit, set_up
from reidbench.engine.gradient_shares import GradientShares
from reidbench.engine.hardware import Hardware
from reidbench.engine.metering import metered, peak_memory
from reidbench.interfaces import SourceModel, Translator
from reidbench.registry.registry import Entry
from reidbench.stages.base import Stage, Work, keep_losses, save_weights
from reidbench.stages.decode import DatasetImages
from reidbench.stages.learn import Learn
from reidbench.stages.trained_model import save_model
from reidbench.storage.keys import JSON, derive_seed


@dataclass(frozen=True)
class FitTranslator(Stage):
    """Train a translator under its constraints.

    Attributes:
        source_models: by constraint, the source-trained model that it starts from.
    """

    kind: ClassVar[str] = "translator"
    shares: ClassVar[bool] = True

    translator: Component
    constraints: tuple[Component, ...]
    source: DatasetImages
    target: DatasetImages
    budget: Budget
    seed: int
    precision: str
    source_models: Mapping[str, Learn] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return "train " + "+".join(c.name for c in (self.translator, *self.constraints))

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The training images of both domains, and the models that constraints start from."""
        return (self.source, self.target, *self.source_models.values())

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The translator and the constraints."""
        return tuple(part.entry for part in (self.translator, *self.constraints))

    def values(self) -> JSON:
        """Return components, budget, seed and precision."""
        return {
            "translator": self.translator.identity(),
            "constraints": [c.identity() for c in self.constraints],
            "batch": self.budget.batch,
            "steps": self.steps,
            "seed": self.seed,
            "precision": self.precision,
        }

    @property
    def steps(self) -> int:
        """Number of training steps."""
        images = len(self.source.data.dataset.samples(self.source.split))
        return self.budget.resolved_steps(images)

    @property
    def directions(self) -> frozenset[str]:
        """Directions in which the translator can translate."""
        directions: frozenset[str] = self.translator.entry.load().directions
        return directions

    def compute(self, work: Work) -> dict[str, JSON]:
        """Train, and write the translator's weights."""
        domains = self._domains(work)
        translator = self._set_up(domains, work.hardware)
        context = domains.context(translator, work.hardware)
        constraints = {c.name: c.build() for c in self.constraints}
        for name, constraint in constraints.items():
            known = replace(context, source_model=self._source_model(name, work))
            set_up(constraint, name, known, self._root)
        train = partial(fit, domains=domains, steps=self.steps, batch=self.budget.batch)
        loop = metered(work.loop(self._root))
        image = domains.source.images(np.arange(1), work.hardware.device)
        cost = of_translation(translator, constraints, train, image, context.num_domains, loop)
        shares = GradientShares(loop.folder / "gradient_shares.json")
        with peak_memory(work.hardware) as measured:
            train(translator, constraints, loop=loop, shares=shares)
        measured["images_a_second"] = loop.images_a_second(self.budget.batch)
        save_weights(work.folder / "translator.safetensors", translator)
        for constraint in constraints.values():
            if (model := constraint.embedder()) is not None:
                save_model(work.folder, model, domains.source.num_pids)
        parameters = sum(p.numel() for p in translator.parameters())
        training = {
            "losses": keep_losses(work),
            "chance": dict(translator.chance_losses),
            **shares.facts(),
        }
        return {
            "parameters": parameters,
            "cost": cost,
            "measured": measured,
            "training": training,
        }

    def load(self, work: Work) -> Translator:
        """Return the trained translator, for a stage whose input this is."""
        translator = self._set_up(self._domains(work), work.hardware)
        translator.load_state_dict(load_file(work.of(self) / "translator.safetensors"))
        return translator

    @property
    def _root(self) -> int:
        return derive_seed(self.seed, "translator")

    def _source_model(self, constraint: str, work: Work) -> SourceModel | None:
        if constraint not in self.source_models:
            return None
        learn = self.source_models[constraint]
        return SourceModel(*learn.load(work.of(learn), work.hardware))

    def _domains(self, work: Work) -> Domains:
        source, target = (d.open(work.of(d)) for d in (self.source, self.target))
        return Domains.of(source, target)

    def _set_up(self, domains: Domains, hardware: Hardware) -> Translator:
        translator: Translator = self.translator.build()
        set_up(translator, self.translator.name, domains.context(translator, hardware), self._root)
        return translator
