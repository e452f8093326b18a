"""Feature maps of a run's models, against the models themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from reidbench.cli.verbs import plot
from reidbench.config.compose import Request
from reidbench.errors import ReidbenchError, UsageError
from reidbench.plots.panels import feature_maps
from reidbench.plots.style import styled
from reidbench.registry.registry import Registration, Registry
from reidbench.results.result import Result
from reidbench.runs import feature_maps as drawn
from reidbench.runs.feature_maps import Activations, activations_of
from reidbench.runs.launch import run_and_record
from reidbench.stages.trained_model import load_model
from reidbench.storage.artifacts import Store
from reidbench.testing.checks.material import CPU
from reidbench.testing.toy_runs import make_plan, make_session, toy_benchmark, toy_registry
from tests.runs.mapped import MappedLearner

Made = tuple[Result, Path, Registry]


def registry_() -> Registry:
    registry = toy_registry()
    more = Registration("mapped")
    more.learner("mapped", "tests.runs.mapped:MappedLearner")
    registry.add(more)
    return registry


def run(folder: Path, **request: str | None) -> Made:
    registry = registry_()
    plan = make_plan(registry, toy_benchmark(), 0, Request(**request))
    done = run_and_record(plan, make_session(folder / "cache"), folder / "results")
    return done.result, folder / "cache", registry


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    return run(folder, translator="toy", learner="mapped", strategy="finetune")


def activations(made: Made) -> Activations:
    result, cache, registry = made
    return activations_of(result, cache, registry, CPU, persons=3)


def test_the_maps_are_of_the_model_before_and_after_the_translated_images(made):
    found = activations(made)
    assert list(found.maps) == [
        "learn mapped on real images",
        "fine-tune mapped on translated images",
    ]
    result, cache, _ = made
    told = {s["title"]: s["key"] for s in result.execution["stages"]}
    pixels = torch.from_numpy(found.images.copy()).permute(0, 3, 1, 2).float() / 127.5 - 1
    for title, maps in found.maps.items():
        learner = MappedLearner()
        model = load_model(learner, Store(cache).find(told[title]).path)
        energy = learner.feature_map(model, pixels).square().sum(1).detach().numpy()
        assert maps.shape == (3, 16, 8)
        low, high = energy.min((1, 2), keepdims=True), energy.max((1, 2), keepdims=True)
        assert maps == pytest.approx((energy - low) / (high - low), abs=1e-5)
    before, after = found.maps.values()
    assert not np.array_equal(before, after)


def test_the_images_are_of_distinct_persons(made):
    found = activations(made)
    assert found.images.shape == (3, 16, 8, 3)
    assert len({image.tobytes() for image in found.images}) == 3


def test_direct_transfer_has_one_model(tmp_path):
    direct = run(tmp_path, translator=None, learner="mapped", strategy="source")
    assert list(activations(direct).maps) == ["learn mapped on real images"]


def test_a_run_on_translated_images_alone_is_held_against_the_source_s_model(tmp_path):
    other = run(tmp_path, translator="toy", learner="mapped", strategy="translated")
    assert list(activations(other).maps) == [
        "learn mapped on real images",
        "learn mapped on translated images",
    ]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("embed", "features are not in the cache"),
        ("decode", "test images are not in the cache"),
        ("learn", "model is not in the cache"),
    ],
)
def test_what_is_not_in_the_cache_is_said(tmp_path, kind, words):
    made = run(tmp_path, translator="toy", learner="mapped", strategy="finetune")
    store = Store(made[1])
    for artifact in list(store.artifacts()):
        if artifact.key.startswith(f"{kind}/"):
            store.remove(artifact.key)
    with pytest.raises(ReidbenchError, match=words):
        activations(made)


def test_only_the_source_s_model_is_missing(made, tmp_path):
    result, cache, registry = made
    stages = [s for s in result.execution["stages"] if "on real images" not in s["title"]]
    without = replace(result, execution={**result.execution, "stages": stages})
    with pytest.raises(ReidbenchError, match="source model is not in the cache"):
        activations_of(without, cache, registry, CPU)


def test_a_learner_without_feature_maps_or_of_another_version_is_refused(
    made, tmp_path, monkeypatch
):
    with pytest.raises(UsageError, match="gives no feature map"):
        activations(run(tmp_path, translator="toy", learner="toy", strategy="finetune"))
    monkeypatch.setattr(MappedLearner, "version", 2)
    with pytest.raises(ReidbenchError, match="version 1 of learner 'mapped' made learn/"):
        activations(made)


def test_each_model_has_a_row_below_the_images(made):
    found = activations(made)
    with styled():
        axes = Figure().subplots()
        assert feature_maps(axes, found.images, found.maps) is axes
    # Images in colour, then a grey one and its activations for each model.
    assert len(axes.images) == 3 * (1 + 2 * 2)
    assert [t.get_text().replace("\n", " ") for t in axes.texts] == ["image", *found.maps]
    assert np.array_equal(axes.images[4].get_array(), next(iter(found.maps.values()))[0])


def test_the_command_draws_them_beside_the_result(made, tmp_path, monkeypatch):
    from click.testing import CliRunner

    result, cache, registry = made
    monkeypatch.setattr(drawn, "load_plugins", lambda: type("Plugins", (), {"registry": registry}))
    file = result.save(tmp_path)
    invoke = CliRunner().invoke
    done = invoke(plot.command, ["features", str(file), "--cache", str(cache)])
    assert done.output.strip() == str(file.with_suffix(".features.svg")), done.output
    assert ">learn mapped on real<" in file.with_suffix(".features.svg").read_text()
    for refused in (["features"], ["features", str(file), "--kind", "line"]):
        assert invoke(plot.command, refused).exit_code == 2


def test_the_source_s_model_is_the_one_that_training_began_with(made, tmp_path):
    result, cache, registry = made
    other = Request(translator=None, learner="mapped", strategy="source")
    plan = make_plan(registry, toy_benchmark(), 1, other)
    done = run_and_record(plan, make_session(cache), tmp_path).result
    stages = [*done.execution["stages"], *result.execution["stages"]]
    mixed = replace(result, execution={**result.execution, "stages": stages})
    expected, found = activations(made), activations((mixed, cache, registry))
    for title, maps in expected.maps.items():
        assert np.array_equal(found.maps[title], maps)
