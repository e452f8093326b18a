"""The computation of one stage, in whatever process it takes place."""

from __future__ import annotations

from collections.abc import Collection

from reidbench.engine.repeatable import repeatable
from reidbench.stages import Stage, Work
from reidbench.storage.keys import JSON

EXECUTION = "execution"
"""Name, in the manifest of a stage, of how it was computed."""


def computed(stage: Stage, work: Work) -> dict[str, JSON]:
    """Compute a stage, and return its facts and the device that it was computed on."""
    with repeatable(wanted=work.hardware.deterministic) as not_repeatable:
        told = stage.compute(work)
    executed = _executed(stage, work, not_repeatable)
    return {"device": work.hardware.description, **told, **executed}


def _executed(stage: Stage, work: Work, not_repeatable: Collection[str]) -> dict[str, JSON]:
    """Return what results tell of how a stage was computed, where it is not the plain way."""
    told = dict(work.used)
    if work.hardware.deterministic:
        told["deterministic"] = True
    if not_repeatable:
        told["not_repeatable"] = sorted(not_repeatable)
        named = ", ".join(sorted(not_repeatable))
        work.say(f"{stage.title}: not repeatable bit by bit on this device, for want of: {named}")
    return {EXECUTION: told} if told else {}
