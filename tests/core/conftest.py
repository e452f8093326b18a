"""A registry of toys and a session in a temporary store."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from reidbench.benchmark import Benchmark, DatasetSpec
from reidbench.compose import Request, compose
from reidbench.hardware import Hardware
from reidbench.planning import Plan, open_setting, plan
from reidbench.plugins import load_from
from reidbench.progress import Silent
from reidbench.registry import Registration, Registry
from reidbench.runner import Session
from reidbench.store import Store


def toy_registration() -> Registration:
    toys = Registration("toys")
    module = "reidbench.testing.toys"
    toys.dataset("toy", f"{module}:ToyDataset")
    toys.translator("toy", f"{module}:ToyTranslator")
    toys.constraint("kept", f"{module}:ToyConstraint")
    toys.learner("toy", f"{module}:ToyLearner")
    toys.method("toy-kept", translator="toy", constraints=["kept"], learner="toy", paper="Toy 2026")
    return toys


@pytest.fixture
def registry() -> Registry:
    registry = load_from([]).registry
    registry.add(toy_registration())
    return registry


@pytest.fixture
def benchmark_() -> Benchmark:
    return Benchmark(
        name="toy",
        version=1,
        summary="toys",
        source=DatasetSpec("toy", {"domain": "a"}),
        target=DatasetSpec("toy", {"domain": "b"}),
        protocol=DatasetSpec("market1501"),
        seeds=(0, 1),
        image_size=(16, 8),
        settings={"budget": {"steps": 6, "batch": 4}},
    )


@pytest.fixture
def session(tmp_path: Path) -> Session:
    hooks = load_from([]).manager.hook
    return Session(Store(tmp_path / "cache"), Hardware(torch.device("cpu")), Silent(), hooks)


def make_plan(
    registry: Registry,
    benchmark: Benchmark,
    seed: int = 0,
    request: Request | None = None,
    **settings: object,
) -> Plan:
    dotted = {k.replace("__", "."): v for k, v in settings.items()}
    request = request or Request(translator="toy", constraints=["kept"], learner="toy")
    recipe = compose(request, benchmark, registry, dotted)
    return plan(recipe, open_setting(benchmark, registry, None, {}), seed, "float32")
