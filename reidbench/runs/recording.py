"""The record of a finished plan: a result, and a picture beside it."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reidbench.data.catalog import OpenDataset
from reidbench.evaluation import Scores, Trials
from reidbench.plots.sheet import ROWS, draw_sheet
from reidbench.results.result import Result
from reidbench.runs.computing import EXECUTION
from reidbench.runs.cost_summary import cost_of, masks_of, speed_of, translation_quality_of
from reidbench.runs.plan import Plan
from reidbench.runs.runner import Finished, Outcome
from reidbench.runs.sources import entries_of
from reidbench.runs.training_facts import training_of
from reidbench.runs.warnings import warnings_of
from reidbench.stages import ReadTranslations
from reidbench.storage.keys import JSON, digest


def result_of(outcome: Outcome, started: datetime) -> Result:
    """Return the result of an outcome, begun at ``started``."""
    plan, translation = outcome.plan, translation_quality_of(outcome)
    return Result(
        benchmark=_benchmark(plan),
        recipe={
            "name": plan.recipe.name,
            "digest": plan.recipe.digest,
            **plan.recipe.identity(),
            "paper": plan.recipe.paper,
            "provenance": _provenance(plan),
            "components": [e.provenance() for e in entries_of(plan.stages)],
        },
        modified={**plan.setting.modified, **plan.recipe.modified},
        seed=plan.seed,
        precision=plan.precision,
        uses=_uses(plan),
        scores=_scores(outcome),
        translation=translation,
        masks=masks_of(outcome),
        cost=cost_of(outcome),
        warnings=warnings_of(outcome, translation),
        training=training_of(outcome),
        execution={
            "started": _time(started),
            "finished": _time(datetime.now(UTC)),
            "python": platform.python_version(),
            "torch": torch.__version__,
            **speed_of(outcome),
            **_no_picture(outcome),
            "stages": [_stage(f) for f in outcome.finished.values()],
        },
    )


def save_picture(outcome: Outcome, path: Path) -> Path | None:
    """Draw the examples of a translation to ``path``; None if nothing was translated."""
    preview = outcome.plan.preview
    if preview is None or preview.key not in outcome.finished:
        return None
    kept = outcome.artifact(preview)
    draw_sheet(np.load(kept.path / "rows.npy"), kept.manifest.get("labels", ROWS), path)
    return path


def _no_picture(outcome: Outcome) -> dict[str, JSON]:
    reason = outcome.picture_missing
    return {"picture_missing": reason} if reason else {}


def unique_stages(outcomes: Iterable[Outcome]) -> list[Finished]:
    """Return the finished stages of several outcomes, each once, freshly computed if it was."""
    unique: dict[str, Finished] = {}
    for outcome in outcomes:
        for key, finished in outcome.finished.items():
            unique.setdefault(key, finished)
    return list(unique.values())


def _scores(outcome: Outcome) -> dict[str, JSON]:
    """Return the scores of the one split, or the means over several and each one's own."""
    folders = [outcome.artifact(stage).path for stage in outcome.plan.evaluations]
    records = [json.loads((folder / "scores.json").read_text()) for folder in folders]
    if len(records) == 1:
        (scores,) = records
        return scores  # type: ignore[no-any-return]
    return Trials(tuple(map(Scores.from_dict, records))).to_dict()


def _provenance(plan: Plan) -> dict[str, str]:
    """Return the origin of the initial weights, and of images that were translated elsewhere."""
    read = [stage for stage in plan.stages if isinstance(stage, ReadTranslations)]
    return {**plan.learned.provenance, **({"images": read[0].told} if read else {})}


def _benchmark(plan: Plan) -> dict[str, JSON]:
    setting = plan.setting
    benchmark = setting.benchmark
    return {
        "name": benchmark.name,
        "version": benchmark.version,
        "digest": benchmark.digest,
        "synthetic": _synthetic(setting.source) or _synthetic(setting.target),
        "source": _dataset(setting.source),
        "target": _target(setting.targets),
        "tested": benchmark.tested,
        "protocol": setting.protocol.identity(),
        "image_size": list(benchmark.image_size),
        "seeds": list(benchmark.seeds),
    }


def _dataset(data: OpenDataset) -> dict[str, Any]:
    return {
        **data.identity(),
        "title": data.title,
        "parameters": dict(data.parameters),
        "division": data.dataset.division,
        **({"parts": [_dataset(part) for part in data.parts]} if data.parts else {}),
    }


def _target(splits: Sequence[OpenDataset]) -> dict[str, Any]:
    """Return the target; of several splits, what they have in common and a digest of them all."""
    first = _dataset(splits[0])
    if len(splits) == 1:
        return first
    parameters = {k: v for k, v in first["parameters"].items() if k != "split"}
    return {
        **first,
        "parameters": parameters,
        "fingerprint": digest([s.fingerprint for s in splits]),
        "division": [s.dataset.division for s in splits],
        "splits": [s.parameters["split"] for s in splits],
    }


def _synthetic(data: OpenDataset) -> bool:
    return data.dataset.synthetic


def _uses(plan: Plan) -> dict[str, bool]:
    """Return what of the target the run was trained with; labels of test images it never is."""
    recipe, targets = plan.recipe, plan.setting.targets
    # A test image that is translated, one by one, to be scored teaches nothing.
    translates = recipe.translator is not None
    supervised = recipe.strategy == "target"
    split = recipe.translator.entry.load().split if recipe.translator else "dataset"
    return {
        "target_images": translates or supervised,
        "target_cameras": split == "camera",
        "target_labels": supervised,
        "test_images": translates and any(t.dataset.trains_on_test for t in targets),
        **({"ground_truth": True} if recipe.reads_truth else {}),
        **({"translated_elsewhere": True} if recipe.reads_files else {}),
    }


def _stage(finished: Finished) -> dict[str, JSON]:
    manifest = finished.artifact.manifest
    return {
        "title": manifest["title"],
        "key": finished.artifact.key,
        "seconds": manifest["seconds"],
        "device": manifest["device"],
        **manifest.get(EXECUTION, {}),
        "reused": finished.reused,
    }


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
