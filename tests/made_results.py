"""Results made by hand, for the tests of whatever reads them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from reidbench.results.measures import MEASURES
from reidbench.results.result import Result


def make_result(
    mean_ap: float = 0.5,
    seed: int = 0,
    *,
    recipe: str = "spgan",
    digest: str = "",
    precision: str = "float32",
    modified: dict[str, Any] | None = None,
    labels: bool = False,
    provenance: str = "random initialisation",
    **benchmark: Any,
) -> Result:
    """Return a result whose measures all are ``mean_ap``; further names change the benchmark."""
    setting = {
        "name": "synthetic",
        "version": 1,
        "digest": "d" * 16,
        "synthetic": True,
        "source": {"name": "synthetic", "fingerprint": "a" * 32},
        "target": {"name": "synthetic", "fingerprint": "b" * 32},
        "protocol": {"name": "market1501", "version": 1},
        "seeds": [0, 1, 2],
    }
    parts = {"translator": None, "constraints": [], "paper": "", "strategy": "finetune"}
    per_query = {"pid": [1, 2], "ap": [mean_ap, None]}
    return Result(
        benchmark=setting | benchmark,
        recipe={
            "name": recipe,
            "digest": digest or f"{recipe:0<32}",
            "provenance": {"weights": provenance},
            **parts,
        },
        modified=modified or {},
        seed=seed,
        precision=precision,
        uses={"target_images": True, "target_cameras": False, "target_labels": labels},
        scores={**dict.fromkeys(MEASURES, mean_ap), "queries": 2, "per_query": per_query},
        execution={"started": "2026-01-01T00:00:00+00:00", "stages": []},
    )


def make_seeds(values: Iterable[float], **how: Any) -> list[Result]:
    """Return one result a seed, from seed 0."""
    return [make_result(value, seed, **how) for seed, value in enumerate(values)]


def save_all(results: Iterable[Result], root: Path) -> Path:
    """Write the results and return their folder."""
    for result in results:
        result.save(root)
    return root


def with_sections(results: Iterable[Result], **values: Any) -> list[Result]:
    """Return results that tell what translation kept and what they cost.

    ``values`` are of the sections' numbers, by short names; None leaves a number out.
    """
    v = {"real": 0.9, "translated": 0.6, "fid": 12.5, "kid": 0.01, "ssim": 0.8, "guided": False}
    v |= {"networks": 4, "parameters": 1_500_000, "step": 2_000_000, "training": 3_000_000_000}
    v |= {"embedder": 40_000, "image": 5_000_000, "seconds": 60.0, **values}
    translation = {
        "classifier": "ide learned from a train",
        "guided": v["guided"],
        "accuracy": {"real": v["real"], "translated": v["translated"]},
        **{name: v[name] for name in ("fid", "kid", "ssim")},
    }
    cost = {
        "translation": {
            "networks": v["networks"],
            "parameters": v["parameters"],
            "flops_a_step": v["step"],
        },
        "training_flops": v["training"],
        "embedding": {"parameters": v["embedder"], "flops_an_image": v["image"]},
    }
    timed = {"training_seconds": v["seconds"]}
    return [
        replace(r, translation=translation, cost=cost, execution={**r.execution, **timed})
        for r in results
    ]
