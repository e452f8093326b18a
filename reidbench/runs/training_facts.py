"""Facts of the training of a run's translator, from its artifact."""

from __future__ import annotations

from collections.abc import Mapping

from reidbench.runs.runner import Outcome
from reidbench.stages import FitTranslator
from reidbench.storage.keys import JSON


def training_of(outcome: Outcome) -> Mapping[str, JSON]:
    """Return the facts of the translator's training; of several translators, of the first.

    Empty where nothing was translated, or the artifact is of an earlier version.
    """
    fitted = (f for f in outcome.finished.values() if isinstance(f.stage, FitTranslator))
    first = next(fitted, None)
    facts: Mapping[str, JSON] = first.artifact.manifest.get("training", {}) if first else {}
    return facts
