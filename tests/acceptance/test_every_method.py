"""Every registered method, as it is registered, from rendering to the result and its picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from reidbench.config.benchmark import load_benchmark
from reidbench.config.compose import Request, compose
from reidbench.engine.hardware import Hardware
from reidbench.progress import Silent
from reidbench.registry.loading import load_plugins
from reidbench.registry.registry import Method
from reidbench.results import result as results
from reidbench.results.measures import MEASURES
from reidbench.results.result import Result
from reidbench.runs.plan import plan
from reidbench.runs.recording import result_of, save_picture
from reidbench.runs.runner import Outcome, Session, needed, run_plan
from reidbench.runs.setting import Setting, open_setting
from reidbench.storage.artifacts import Store
from reidbench.testing.tiny import write_tiny_benchmark

METHODS = tuple(load_plugins().registry.methods())
STEPS = {"steps": 2, "batch": 2}  # two, so that what waits for the half of a run has its turn


@dataclass(frozen=True)
class Ground:
    """What the methods share, so that none computes what another has computed."""

    setting: Setting
    session: Session
    folder: Path


@dataclass(frozen=True)
class Recorded:
    """A method that was carried out.

    Attributes:
        result: as it was read back from its file.
        picture: of the translation, if there is one.
    """

    method: Method
    outcome: Outcome
    result: Result
    picture: Path | None


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    folder = tmp_path_factory.mktemp("methods")
    plugins = load_plugins()
    tiny = load_benchmark(str(write_tiny_benchmark(folder / "tiny.toml")))
    tiny = replace(tiny, settings={**tiny.settings, "budget": STEPS})
    cpu = Hardware(torch.device("cpu"))
    session = Session(Store(folder / "cache"), cpu, Silent(), plugins.manager.hook)
    return Ground(open_setting(tiny, plugins.registry, None, {}), session, folder)


@pytest.fixture(scope="module", params=METHODS, ids=lambda m: m.name)
def recorded(request: pytest.FixtureRequest, ground: Ground) -> Recorded:
    method, started = request.param, datetime.now(UTC)
    registry = load_plugins().registry
    recipe = compose(Request(method=method.name), ground.setting.benchmark, registry, {})
    outcome = run_plan(plan(recipe, ground.setting, 0, "float32"), ground.session)
    path = result_of(outcome, started).save(ground.folder / "results")
    return Recorded(
        method, outcome, results.load(path), save_picture(outcome, path.with_suffix(".png"))
    )


def translates(method: Method) -> bool:
    return method.translator != "none"


def trains_translator(recorded: Recorded) -> bool:
    return translates(recorded.method) and not recorded.outcome.plan.recipe.reads_truth


def numbers(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and value of every leaf that is a number or None."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in parts:
        if isinstance(part, dict | list):
            yield from numbers(part, f"{name}.{key}")
        elif part is None or isinstance(part, int | float):
            yield f"{name}.{key}", part


def test_no_plugin_is_missing_from_the_methods():
    assert load_plugins().registry.broken == []
    assert {m.plugin for m in METHODS} > {"reidbench"}


def test_a_method_runs_whole(recorded: Recorded, ground: Ground):
    made = recorded.outcome
    assert needed(made.plan, ground.session.store) == []
    assert set(made.finished) == {s.key for s in made.plan.stages}
    kinds = {s.kind for s in made.plan.stages}
    assert {"decode", "embed", "evaluate"} < kinds
    assert ({"preserve", "truth-error", "preview"} <= kinds) is translates(recorded.method)
    trains, backwards = trains_translator(recorded), recorded.method.direction == "target-to-source"
    assert ("translator" in kinds) is trains
    assert ("translate-test" in kinds) is backwards
    assert ("translate" in kinds) is (trains and not backwards)


def test_its_scores_are_numbers(recorded: Recorded):
    result = recorded.result
    assert result.recipe["name"] == recorded.method.name
    assert result.modified == {}
    assert result.scores["valid_queries"] > 0
    assert all(0 <= result.measure(m) <= 1 for m in MEASURES)
    assert result.measure("mAP") > 0
    told = [v for part in (result.scores, result.translation) for _, v in numbers(part)]
    assert all(math.isfinite(v) for v in told if v is not None)


def test_what_it_translated_is_measured_and_shown(recorded: Recorded):
    kept, picture = recorded.result.translation, recorded.picture
    assert bool(kept) is translates(recorded.method)
    assert (picture is not None) is translates(recorded.method)
    if picture is None:
        return
    assert all(kept[name] is not None for name in ("fid", "kid", "ssim", "change", "truth"))
    seen = recorded.method.direction == "source-to-target"
    assert (kept["accuracy"] is not None) is seen
    preview = recorded.outcome.plan.preview
    assert preview is not None
    with Image.open(picture) as sheet:
        assert sheet.height > 32 * len(preview.labels)


def test_what_it_cost_is_known(recorded: Recorded):
    cost, execution = recorded.result.cost, recorded.result.execution
    assert [name for name, value in numbers(cost) if value is None] == []
    assert cost["training_flops"] > 0
    assert cost["embedding"]["flops_an_image"] > 0
    trains = trains_translator(recorded)
    assert (cost["translation"]["networks"] > 0) is trains
    assert (cost["translation"]["steps"] == STEPS["steps"]) is trains
    assert all(part["steps"] > 0 for part in cost["learning"])
    assert execution["training_seconds"] > 0
    assert (execution["translation"] is not None) is trains
    assert execution["embedding"]["images_a_second"] > 0
