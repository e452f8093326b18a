"""Cost and translation quality of a run, gathered from the artifacts of its stages.

Artifacts that an earlier version made may not tell; what they do not tell is None, never a guess.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from reidbench.runs.runner import Finished, Outcome
from reidbench.runs.truth import mean_truth
from reidbench.stages import FitTranslator, Learn, LearnMasks, Masked, Stage
from reidbench.stages.masks import FACTS
from reidbench.stages.translation_quality import SCORES
from reidbench.stages.truth_error import SCORES as TRUTH
from reidbench.storage.keys import JSON

NO_TRANSLATION = ("networks", "parameters", "steps", "flops_a_step")
TRANSLATION = (
    *NO_TRANSLATION,
    "fixed_networks",
    "fixed_parameters",
    "networks_at_test",
    "parameters_at_test",
    "flops_an_image",
)
SPEED = ("images_a_second", "peak_memory", "peak_memory_of")
TRAINING = ("segmenter", "masked", "translator", "translate", "learn")
LEARNING = (Learn, LearnMasks)


def cost_of(outcome: Outcome) -> dict[str, JSON]:
    """Return networks, parameters and FLOPs: what is the same on every machine.

    Of a target with several splits, those of the first. ``training_flops`` are those of the
    translator's and all learners' steps together, one that masks are learned by among them.
    """
    first = outcome.plan.evaluations[0]
    translation = _translation(outcome)
    learning = [_learning(stage, outcome) for stage in _chain(first) if isinstance(stage, LEARNING)]
    embedded = first.embedded
    return {
        "translation": translation,
        "learning": learning,
        "embedding": {
            **_picked(_facts(embedded, outcome, "cost"), ("parameters", "flops_an_image")),
            "dimensions": _manifest(embedded, outcome).get("dimensions"),
        },
        "training_flops": _flops([translation, *learning]),
    }


def speed_of(outcome: Outcome) -> dict[str, JSON]:
    """Return what depends on the machine: seconds, images a second and peak memory.

    ``seconds`` are those of the stages that scores hang on, by their kind, of all splits together,
    whether they were reused or not; what an interrupted stage took before it was resumed is not
    among them. Images a second are source images in the translator's training and test images in
    embedding.
    """
    embedded, fitted = outcome.plan.evaluations[0].embedded, _fitted(outcome)
    scored = _chain(*outcome.plan.evaluations)
    known = [outcome.finished[s.key] for s in scored if s.key in outcome.finished]
    seconds = _seconds(known)
    training = sum(seconds.get(kind, 0.0) for kind in TRAINING)
    return {
        "seconds": seconds,
        # Stages that nothing needed any more may have gone from the cache, with their seconds.
        "training_seconds": round(training, 3) if len(known) == len(scored) else None,
        "translation": _picked(_facts(fitted, outcome, "measured"), SPEED) if fitted else None,
        "embedding": _picked(_facts(embedded, outcome, "measured"), SPEED),
    }


def translation_quality_of(outcome: Outcome) -> dict[str, JSON]:
    """Return what translation kept; of several splits the means, and ``splits``, each its own.

    ``truth`` is how far translations are from the truth, where that is known.
    """
    plan = outcome.plan
    folders = [outcome.artifact(stage).path for stage in plan.translation_quality]
    records = [json.loads((folder / SCORES).read_text()) for folder in folders]
    truths = [outcome.artifact(stage).path / TRUTH for stage in plan.truth_errors]
    truth = {"truth": mean_truth([json.loads(t.read_text()) for t in truths])} if truths else {}
    if len(records) < 2:
        return {**dict(*records), **truth}
    return {**_mean(records), **truth, "splits": records}


def masks_of(outcome: Outcome) -> dict[str, JSON]:
    """Return where the masks come from that a run read, and how well they fit the known ones.

    "dataset" are its own. Of made ones ``sets`` has what ``Masked`` tells of each set of images.
    """
    if not outcome.plan.recipe.mask_readers:
        return {}
    made = [f for f in outcome.finished.values() if isinstance(f.stage, Masked)]
    if not made:
        own = outcome.plan.recipe.segmenter is None
        return {"from": "dataset"} if own else {}  # made by stages that nothing needed any more
    told = {f.stage.title: json.loads((f.artifact.path / FACTS).read_text()) for f in made}
    return {"from": next(iter(told.values()))["from"], "sets": told}


def _translation(outcome: Outcome) -> dict[str, JSON]:
    """Return the cost of the translator, or of all those that cameras are translated apart by."""
    scored = _chain(outcome.plan.evaluations[0])
    fitted = [stage for stage in scored if isinstance(stage, FitTranslator)]
    if not fitted:
        return dict.fromkeys(NO_TRANSLATION, 0)
    costs = [_picked(_facts(stage, outcome, "cost"), TRANSLATION) for stage in fitted]
    return {**_summed(costs), "batch": fitted[0].budget.batch}


def _summed(costs: list[dict[str, Any]]) -> dict[str, JSON]:
    """Return the sums over several translators; FLOPs of a step and of an image are means."""
    total = dict(costs[0])
    for name in TRANSLATION if len(costs) > 1 else ():
        values = [cost[name] for cost in costs]
        known = None not in values
        total[name] = sum(values) if known else None
        if known and name.startswith("flops"):
            total[name] = round(total[name] / len(values))
    return total


def _learning(stage: Stage, outcome: Outcome) -> dict[str, JSON]:
    cost = _picked(_facts(stage, outcome, "cost"), ("steps", "flops_a_step"))
    parameters = _manifest(stage, outcome).get("parameters")
    return {"title": stage.title, "parameters": parameters, **cost}


def _chain(*ends: Stage) -> list[Stage]:
    """Return the stages that some hang on, and themselves, each once, inputs first."""
    found: dict[str, Stage] = {}

    def add(stage: Stage) -> None:
        for needed in stage.inputs:
            add(needed)
        found.setdefault(stage.key, stage)

    for end in ends:
        add(end)
    return list(found.values())


def _fitted(outcome: Outcome) -> FitTranslator | None:
    scored = _chain(outcome.plan.evaluations[0])
    return next((s for s in scored if isinstance(s, FitTranslator)), None)


def _flops(trainings: Iterable[Mapping[str, JSON]]) -> int | None:
    total = 0
    for training in trainings:
        steps, flops = training["steps"], training["flops_a_step"]
        if steps is None or flops is None:
            return None
        total += steps * flops
    return total


def _seconds(finished: Iterable[Finished]) -> dict[str, float]:
    total: dict[str, float] = {}
    for item in finished:
        kind = item.stage.kind
        total[kind] = round(total.get(kind, 0.0) + item.artifact.manifest["seconds"], 3)
    return total


def _manifest(stage: Stage, outcome: Outcome) -> Mapping[str, Any]:
    """Return what a stage's artifact tells; nothing, if it was not needed any more."""
    finished = outcome.finished.get(stage.key)
    return finished.artifact.manifest if finished else {}


def _facts(stage: Stage, outcome: Outcome, name: str) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = _manifest(stage, outcome).get(name, {})
    return facts


def _picked(facts: Mapping[str, Any], names: Iterable[str]) -> dict[str, JSON]:
    return {name: facts.get(name) for name in names}


def _mean(records: list[dict[str, Any]]) -> dict[str, JSON]:
    """Return the first record with the means of its measures over all."""
    mean = dict(records[0])
    for name in ("fid", "kid", "ssim"):
        mean[name] = float(np.mean([r[name] for r in records]))
    if mean["accuracy"] is not None:
        each = [r["accuracy"] for r in records]
        mean["accuracy"] = {k: float(np.mean([a[k] for a in each])) for k in each[0]}
    mean["warnings"] = sorted({w for r in records for w in r["warnings"]})
    return mean
