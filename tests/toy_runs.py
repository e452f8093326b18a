"""Whole runs of toys: a registry, a benchmark, plans and sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request, compose
from reidbench.engine.hardware import Hardware
from reidbench.progress import Reporter, Silent
from reidbench.registry.loading import load_from
from reidbench.registry.registry import Registration, Registry
from reidbench.runs.plan import Plan, plan
from reidbench.runs.runner import Session
from reidbench.runs.setting import open_setting
from reidbench.storage.artifacts import Store

TOYS = "reidbench.testing.toys"
CPU = Hardware(torch.device("cpu"))


def toy_registry() -> Registry:
    registry = load_from([]).registry
    toys = Registration("toys")
    toys.dataset("toy", f"{TOYS}:ToyDataset")
    toys.translator("toy", f"{TOYS}:ToyTranslator")
    toys.constraint("kept", f"{TOYS}:ToyConstraint")
    toys.learner("toy", f"{TOYS}:ToyLearner")
    toys.method("toy-kept", translator="toy", constraints=["kept"], learner="toy", paper="Toy 2026")
    registry.add(toys)
    return registry


def toy_benchmark(**settings: dict[str, Any]) -> Benchmark:
    return Benchmark(
        name="toy",
        version=1,
        summary="toys",
        source=DatasetSpec("toy", {"domain": "a"}),
        target=DatasetSpec("toy", {"domain": "b"}),
        protocol=DatasetSpec("market1501"),
        seeds=(0, 1),
        image_size=(16, 8),
        settings={"budget": {"steps": 6, "batch": 4}, **settings},
    )


def make_session(root: Path, reporter: Reporter | None = None, every: float = 60) -> Session:
    hooks = load_from([]).manager.hook
    return Session(Store(root), CPU, reporter or Silent(), hooks, every)


def make_plan(
    registry: Registry,
    benchmark: Benchmark,
    seed: int = 0,
    request: Request | None = None,
    **settings: Any,
) -> Plan:
    """Plan a run; ``settings`` are named with ``__`` for the dot."""
    dotted = {k.replace("__", "."): v for k, v in settings.items()}
    request = request or Request(translator="toy", constraints=["kept"], learner="toy")
    recipe = compose(request, benchmark, registry, dotted)
    return plan(recipe, open_setting(benchmark, registry, None, {}), seed, "float32")


def toy_plan(seed: int = 0, **settings: Any) -> Plan:
    return make_plan(toy_registry(), toy_benchmark(), seed, **settings)
