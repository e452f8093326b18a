"""Whole runs of toys: a registry, a benchmark, plans and sessions, for the tests of plugins."""

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
"""The module of the toy components, for import paths such as ``f"{TOYS}:ToyLearner"``."""
CPU = Hardware(torch.device("cpu"))


def toy_registry() -> Registry:
    """Return the core's components and the toys, without any installed plugin.

    The toys are the dataset, translator and learner "toy", the constraint "kept" and the method
    "toy-kept"; a test adds its own with ``registry.add(registration)``.
    """
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
    """Return a benchmark of the toy dataset's domains a and b, of six steps and images of 16 x 8.

    ``settings`` are sections, such as ``embedding={"flip": True}``.
    """
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
    """Return a session on the CPU with its cache in ``root``, silent and without plugins.

    A checkpoint is written after ``every`` seconds of training.
    """
    hooks = load_from([]).manager.hook
    return Session(Store(root), CPU, reporter or Silent(), hooks, every)


def make_plan(
    registry: Registry,
    benchmark: Benchmark,
    seed: int = 0,
    request: Request | None = None,
    **settings: Any,
) -> Plan:
    """Return the plan of a run, of the toys unless there is a request.

    Args:
        registry: where names are looked up, e.g. ``toy_registry()``.
        benchmark: e.g. ``toy_benchmark()``.
        seed: of the run.
        request: the names to run.
        **settings: parameters set by hand, with ``__`` for the dot: ``toy__lr=0.1``.
    """
    dotted = {k.replace("__", "."): v for k, v in settings.items()}
    request = request or Request(translator="toy", constraints=["kept"], learner="toy")
    recipe = compose(request, benchmark, registry, dotted)
    return plan(recipe, open_setting(benchmark, registry, None, {}), seed, "float32")


def toy_plan(seed: int = 0, **settings: Any) -> Plan:
    """Return the plan of the toys on the toy benchmark, with ``settings`` as of ``make_plan``."""
    return make_plan(toy_registry(), toy_benchmark(), seed, **settings)
