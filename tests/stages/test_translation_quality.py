"""What translation keeps, as a stage of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reidbench.config.benchmark import DatasetSpec
from reidbench.config.compose import Request
from reidbench.data.arrays import ImageArray
from reidbench.evaluation.generation import fid, kid, ssim
from reidbench.interfaces import FeatureLearner, Images
from reidbench.progress import silent
from reidbench.registry.registry import Registration, Registry
from reidbench.results.result import Result
from reidbench.runs import cost_summary as accounting
from reidbench.runs.recording import result_of
from reidbench.runs.runner import Outcome, Session, run_plan
from reidbench.stages import TranslationQuality, Work
from reidbench.stages.translation_quality import SCORES
from reidbench.testing.toy_runs import CPU, TOYS, make_plan, toy_benchmark, toy_plan
from reidbench.testing.toys import ToyLearner, ToyTranslator


class Identity(ToyTranslator):
    """Leaves every image as it is."""

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        return images.pixels + 0 * super().translate(images, src, dst, code)


class Dumb(ToyLearner):
    """Tells no persons apart."""

    classify = FeatureLearner.classify

    def loss(self, model: nn.Module, pixels: Tensor, pid: Tensor) -> Tensor:
        return nn.functional.cross_entropy(model(pixels.mean((2, 3))), pid)


class Mapped(ToyLearner):
    """Has a feature map of 3 channels, beside features of 8."""

    def feature_map(self, model: nn.Module, pixels: Tensor) -> Tensor:
        return pixels[:, :, ::2, ::2]


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("translation_quality")
    more.translator("identity", f"{__name__}:Identity")
    more.learner("dumb", f"{__name__}:Dumb")
    more.learner("mapped", f"{__name__}:Mapped")
    more.constraint("joint", f"{TOYS}:ToyJoint")
    more.dataset("divided", "tests.runs.test_plan:Divided")
    registry.add(more)
    return registry


def translation_quality(outcome: Outcome) -> tuple[TranslationQuality, dict[str, Any]]:
    (stage,) = outcome.plan.translation_quality
    return stage, json.loads((outcome.artifact(stage).path / SCORES).read_text())


def run(registry: Registry, session: Session, **request: Any) -> Outcome:
    named = {"translator": "toy", "constraints": [], "learner": "toy", **request}
    return run_plan(make_plan(registry, toy_benchmark(), request=Request(**named)), session)


def images(
    outcome: Outcome, stage: TranslationQuality
) -> tuple[ImageArray, ImageArray, ImageArray]:
    fitted = stage.translated.fitted
    source, target, fakes = (
        s.open(outcome.artifact(s).path) for s in (fitted.source, fitted.target, stage.translated)
    )
    return source, target, fakes


def pixels(array: ImageArray) -> Tensor:
    return array.images(np.arange(len(array)), torch.device("cpu")).pixels


def test_the_measures_are_those_of_the_images_and_the_source_model(
    session: Session, registry: Registry
) -> None:
    outcome = run(registry, session)
    stage, found = translation_quality(outcome)
    source, target, fakes = images(outcome, stage)
    learner, model = stage.model.load(outcome.artifact(stage.model).path, CPU)
    with torch.no_grad():
        logits = [learner.classify(model, pixels(a)).argmax(1).numpy() for a in (source, fakes)]
        features = [learner.embed(model, pixels(a)).numpy() for a in (fakes, target)]
    persons = {pid: place for place, pid in enumerate(sorted(set(source.pids.tolist())))}
    right = [persons[pid] for pid in source.pids.tolist()]
    real, translated = ((each == right).mean() for each in logits)
    assert found["accuracy"] == {"real": real, "translated": translated}
    assert real != translated
    assert found["fid"] == pytest.approx(fid(*features), rel=1e-5)
    assert found["kid"] == pytest.approx(kid(*features)[0], rel=1e-5)
    assert found["ssim"] == pytest.approx(ssim(fakes.pixels, source.pixels).mean(), rel=1e-12)
    assert found["classifier"] == "toy learned from toy:a train"
    assert found["space"] == "features of toy learned from toy:a train"
    assert found["dimensions"] == 8
    assert (found["kid_block"], found["kid_blocks"]) == (24, 1)
    assert not found["guided"]


def test_the_classifier_is_that_of_direct_transfer(registry: Registry) -> None:
    direct = make_plan(registry, toy_benchmark(), request=Request("direct", learner="toy"))
    for strategy in ("finetune", "translated"):
        request = Request(translator="toy", learner="toy", strategy=strategy)
        (stage,) = make_plan(registry, toy_benchmark(), request=request).translation_quality
        assert stage.model.key == direct.learned.key


def test_translation_to_the_same_keeps_everything(session: Session, registry: Registry) -> None:
    _, found = translation_quality(run(registry, session, translator="identity"))
    assert found["accuracy"]["real"] == found["accuracy"]["translated"] > 0
    assert found["ssim"] == pytest.approx(1, rel=1e-12)


def test_translation_to_the_target_itself_has_no_distance(
    session: Session, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = run(registry, session, translator="identity")
    stage, before = translation_quality(outcome)
    fitted = replace(stage.translated.fitted, target=stage.translated.fitted.source)
    same = replace(stage, translated=replace(stage.translated, fitted=fitted))
    run_plan(replace(outcome.plan, translation_quality=(same,)), session)
    found = json.loads((session.store.find(same.key).path / SCORES).read_text())  # type: ignore[union-attr]
    assert before["fid"] > 1e-3
    assert found["fid"] == pytest.approx(0, abs=1e-6)
    assert found["kid"] <= 0  # unbiased: of a set with itself it falls below nothing


def test_several_translations_of_an_image_are_compared_with_their_own_original(
    session: Session, registry: Registry, tmp_path: Path
) -> None:
    outcome = run(registry, session)
    stage, before = translation_quality(outcome)
    source, _, fakes = images(outcome, stage)
    sets = {"pixels": [fakes.pixels, source.pixels], "pids": [source.pids] * 2}
    twice = {name: np.concatenate(parts) for name, parts in sets.items()}
    work = work_with(outcome, stage, tmp_path, {**twice, "cams": np.tile(source.cams, 2)})
    stage.compute(work)
    found = json.loads((tmp_path / "out" / SCORES).read_text())
    real, translated = before["accuracy"]["real"], before["accuracy"]["translated"]
    assert found["accuracy"] == {"real": real, "translated": pytest.approx((real + translated) / 2)}
    assert found["ssim"] == pytest.approx((before["ssim"] + 1) / 2)
    assert found["images"] == {
        "source": 24,
        "target": 24,
        "translated": 48,
        "translated_of_each": 2,
        "ssim": 48,
    }


def work_with(
    outcome: Outcome, stage: TranslationQuality, root: Path, arrays: dict[str, Any]
) -> Work:
    """Return what the stage computes with, its translated images replaced by these."""
    (root / "fakes").mkdir()
    (root / "out").mkdir()
    for name, array in arrays.items():
        np.save(root / "fakes" / f"{name}.npy", array)
    folders = {s.key: outcome.artifact(s).path for s in stage.inputs}
    folders[stage.translated.key] = root / "fakes"
    return Work(root / "out", folders, CPU, silent, 60)


def test_ssim_is_of_a_fixed_sample_of_many_images(
    session: Session, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reidbench.stages.translation_quality.SSIM_IMAGES", 5)
    outcome = run(registry, session)
    stage, found = translation_quality(outcome)
    source, _, fakes = images(outcome, stage)
    rows = [0, 6, 12, 17, 23]
    assert found["images"]["ssim"] == 5
    assert found["ssim"] == pytest.approx(ssim(fakes.pixels[rows], source.pixels[rows]).mean())


def test_a_learner_that_names_nobody_leaves_the_accuracy_out(
    session: Session, registry: Registry
) -> None:
    outcome = run(registry, session, learner="dumb")
    _, found = translation_quality(outcome)
    assert found["accuracy"] is None
    assert found["accuracy_missing"] == "Dumb does not classify persons"
    assert found["fid"] > 0
    result = result_of(outcome, datetime.now(UTC))
    assert result.quantity("translated_accuracy") is None
    assert result.quantity("fid") == found["fid"]


def test_the_space_is_the_average_of_the_feature_map(session: Session, registry: Registry) -> None:
    outcome = run(registry, session, learner="mapped")
    stage, found = translation_quality(outcome)
    _, target, fakes = images(outcome, stage)
    means = [pixels(a)[:, :, ::2, ::2].mean((2, 3)).numpy() for a in (fakes, target)]
    assert found["space"].startswith("average of the last feature map of mapped")
    assert found["fid"] == pytest.approx(fid(*means), rel=1e-4)


def test_few_images_for_so_many_dimensions_are_warned_of(
    session: Session, registry: Registry
) -> None:
    benchmark = toy_benchmark()
    small = replace(benchmark, target=DatasetSpec("toy", {"domain": "b", "ids": 2}))
    request = Request(translator="toy", constraints=[], learner="toy")
    _, found = translation_quality(run_plan(make_plan(registry, small, request=request), session))
    (warning,) = found["warnings"]
    assert warning == "FID is of 8 images in 8 dimensions, too few for a covariance"
    assert translation_quality(run(registry, session))[1]["warnings"] == []


def test_a_translator_that_was_guided_by_the_classifier_says_so(
    session: Session, registry: Registry
) -> None:
    request = {"constraints": ["joint"], "strategy": "joint"}
    assert translation_quality(run(registry, session, **request))[1]["guided"]


def test_the_result_holds_it_and_direct_transfer_nothing(
    session: Session, registry: Registry
) -> None:
    outcome = run_plan(toy_plan(), session)
    result = result_of(outcome, datetime.now(UTC))
    assert result.translation == translation_quality(outcome)[1]
    assert Result.from_dict(json.loads(json.dumps(result.to_dict()))) == result
    plan = make_plan(registry, toy_benchmark(), request=Request("direct", learner="toy"))
    assert result_of(run_plan(plan, session), datetime.now(UTC)).translation == {}


def test_several_splits_are_averaged(session: Session, registry: Registry) -> None:
    benchmark = replace(toy_benchmark(), target=DatasetSpec("divided"), splits=(0, 2))
    request = Request(translator="toy", constraints=[], learner="toy")
    outcome = run_plan(make_plan(registry, benchmark, request=request), session)
    found = accounting.translation_quality_of(outcome)
    assert len(found["splits"]) == 2
    for name in ("fid", "kid", "ssim"):
        assert found[name] == pytest.approx(np.mean([s[name] for s in found["splits"]]))
    each = [s["accuracy"]["translated"] for s in found["splits"]]
    assert found["accuracy"]["translated"] == pytest.approx(np.mean(each))
