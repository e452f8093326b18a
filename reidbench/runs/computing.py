"""The computation of one stage, in whatever process it takes place."""

from __future__ import annotations

from reidbench.stages import Stage, Work
from reidbench.storage.keys import JSON


def computed(stage: Stage, work: Work) -> dict[str, JSON]:
    """Compute a stage, and return its facts and the device that it was computed on."""
    return {"device": work.hardware.description, **stage.compute(work)}
