"""The re-ID model that a constraint made while the translator was trained."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from reidbench.config.recipe import Component
from reidbench.stages.base import Stage, Work
from reidbench.stages.fit_translator import FitTranslator
from reidbench.stages.trained_model import FACTS, WEIGHTS, TrainedModel
from reidbench.storage.keys import JSON


@dataclass(frozen=True)
class JointModel(TrainedModel):
    """Take the model over, so that it is embedded and kept as any other is."""

    kind: ClassVar[str] = "joint"

    learner: Component
    fitted: FitTranslator

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return f"take the joint {self.learner.name}"

    @property
    def precision(self) -> str:  # type: ignore[override]
        """That of the joint training."""
        return self.fitted.precision

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The joint training."""
        return (self.fitted,)

    @property
    def provenance(self) -> Mapping[str, str]:
        """That of the model the joint training started from."""
        (start,) = {id(m): m for m in self.fitted.source_models.values()}.values()
        return start.provenance

    def values(self) -> JSON:
        """Return the learner."""
        return {"learner": self.learner.identity()}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Copy the model's files."""
        for name in (WEIGHTS, FACTS):
            shutil.copyfile(work.of(self.fitted) / name, work.folder / name)
        return {}
