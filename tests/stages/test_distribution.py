"""The features of real and translated images, as a stage of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from reidbench.config.benchmark import DatasetSpec
from reidbench.config.compose import Request
from reidbench.data.arrays import ImageArray
from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation.distributions import apart, median_bandwidth
from reidbench.interfaces import Images
from reidbench.progress import Silent
from reidbench.registry.registry import Registration, Registry
from reidbench.runs.figures import Of, default_path, distribution_of
from reidbench.runs.plan import Plan
from reidbench.runs.runner import Session, ensure_stage, run_plan
from reidbench.stages import Translate, TranslateTest
from reidbench.stages.distribution import SCORES, Distribution
from reidbench.testing.toy_runs import CPU, make_plan, toy_benchmark
from reidbench.testing.toys import ToyTranslator


class Identity(ToyTranslator):
    """Leaves every image as it is."""

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        return images.pixels + 0 * super().translate(images, src, dst, code)


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("distributed")
    more.translator("identity", f"{__name__}:Identity")
    more.dataset("divided", "tests.runs.test_plan:Divided")
    registry.add(more)
    return registry


def planned(registry: Registry, **request: Any) -> Plan:
    named = {"translator": "toy", "constraints": [], "learner": "toy", **request}
    return make_plan(registry, toy_benchmark(), request=Request(**named))


def found(stage: Distribution, session: Session) -> dict[str, Any]:
    folder = ensure_stage(stage, session).artifact.path
    arrays = {n: np.load(folder / f"{n}.npy") for n in ("features", "sets", "pids", "cams")}
    return {**json.loads((folder / SCORES).read_text()), **arrays}


def embedded(stage: Distribution, session: Session, images: ImageArray) -> np.ndarray:
    learner, model = stage.model.load(ensure_stage(stage.model, session).artifact.path, CPU)
    pixels = images.images(np.arange(len(images)), torch.device("cpu")).pixels
    with torch.no_grad():
        return learner.embed(model, pixels).numpy()


def opened(stage: Any, session: Session) -> ImageArray:
    images: ImageArray = stage.open(ensure_stage(stage, session).artifact.path)
    return images


def test_the_numbers_are_those_of_the_source_models_features(
    session: Session, registry: Registry
) -> None:
    stage = distribution_of(planned(registry))
    (translated,) = stage.translated
    assert isinstance(translated, Translate)
    got = found(stage, session)
    target, source, fakes = (
        opened(s, session) for s in (translated.fitted.target, translated.fitted.source, translated)
    )
    real, before, after = (embedded(stage, session, a) for a in (target, source, fakes))
    width = median_bandwidth(real, before)
    assert got["bandwidth"] == pytest.approx(width, rel=1e-5)
    odd = np.isin(target.pids, np.unique(target.pids)[1::2])
    pairs = {"before": (real, before), "after": (real, after), "floor": (real[~odd], real[odd])}
    for name, pair in pairs.items():
        assert got[name] == pytest.approx(apart(*pair, width).to_dict(), rel=1e-3, abs=1e-6), name
    assert got["before"] != got["after"]
    assert got["features"] == pytest.approx(np.concatenate([real, before, after]), abs=1e-5)
    assert got["features"].dtype == np.float32
    assert got["sets"].tolist() == [0] * 24 + [1] * 24 + [2] * 24
    assert got["pids"].tolist() == [*target.pids, *source.pids, *source.pids]
    assert got["cams"].tolist() == [*target.cams, *source.cams, *source.cams]
    assert got["space"] == "features of toy learned from toy:a train"
    assert (got["dimensions"], got["floor_images"]) == (8, [12, 12])


def test_sets_are_named_and_counted(session: Session, registry: Registry) -> None:
    stage = distribution_of(planned(registry), sample=10)
    folder = ensure_stage(stage, session).artifact.path
    told = json.loads((folder / SCORES).read_text())
    assert told["sets"] == {
        "real": {"name": "toy:b train", "images": 24, "sampled": 10},
        "before": {"name": "toy:a train", "images": 24, "sampled": 10},
        "after": {"name": "toy:a train, translated", "images": 24, "sampled": 10},
    }
    # Twice the sample makes up the halves, of three persons each.
    assert sum(told["floor_images"]) == 20
    assert np.load(folder / "features.npy").shape == (30, 8)
    # Ten of 24, the same ones before and after.
    pids = np.load(folder / "pids.npy")
    assert pids[10:20].tolist() == pids[20:].tolist()
    assert set(pids[10:20].tolist()) == {1, 2, 3, 4, 5, 6}


def test_a_translator_that_changes_nothing_has_the_same_numbers_before_and_after(
    session: Session, registry: Registry
) -> None:
    got = found(distribution_of(planned(registry, translator="identity")), session)
    assert got["before"] == got["after"]
    assert got["floor"]["mmd2"] < got["before"]["mmd2"]


def test_translation_to_the_source_compares_test_images_with_the_source(
    session: Session, registry: Registry
) -> None:
    plan = planned(registry, direction="target-to-source")
    stage = distribution_of(plan, sample=10)
    assert stage.names == {
        "real": "toy:a train",
        "before": "toy:b query and gallery",
        "after": "toy:b query and gallery, translated",
    }
    # What the run itself scores, so that nothing is translated twice.
    embed = plan.evaluations[0].embedded
    assert [s.key for s in stage.translated] == [embed.query.key, embed.gallery.key]
    got = found(stage, session)
    query, gallery = (opened(s, session) for s in stage.originals)
    every = np.concatenate([query.pids, gallery.pids])
    rows = np.linspace(0, len(every) - 1, 10).round().astype(int)
    assert got["pids"][10:20].tolist() == got["pids"][20:].tolist() == every[rows].tolist()
    fakes = np.concatenate([embedded(stage, session, opened(s, session)) for s in stage.translated])
    assert got["features"][20:] == pytest.approx(fakes[rows], abs=1e-5)


def test_test_images_can_be_asked_of_a_run_that_translates_the_source(registry: Registry) -> None:
    stage = distribution_of(planned(registry), of="target")
    assert all(isinstance(s, TranslateTest) for s in stage.translated)
    other = distribution_of(planned(registry, direction="target-to-source"))
    assert stage.key == other.key
    assert stage.key != distribution_of(planned(registry)).key


def test_the_model_and_the_translation_are_those_of_the_run(registry: Registry) -> None:
    plan = planned(registry)
    stage, keys = distribution_of(plan), {s.key for s in plan.stages}
    assert {s.key for s in stage.inputs} <= keys
    direct = make_plan(registry, toy_benchmark(), request=Request("direct", learner="toy"))
    assert stage.model.key == direct.learned.key


def test_only_what_is_missing_is_computed(session: Session, registry: Registry) -> None:
    plan = planned(registry)
    run_plan(plan, session)
    told: list[str] = []
    stage = distribution_of(plan)
    watched = replace(session, reporter=Watching(told))
    assert not ensure_stage(stage, watched).reused
    assert ensure_stage(stage, watched).reused
    assert told == [stage.title]


class Watching(Silent):
    """Writes the titles of stages down."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    def stage(self, title: str) -> Any:
        self.told.append(title)
        return super().stage(title)


def test_the_first_of_several_splits_is_shown(registry: Registry) -> None:
    benchmark = replace(toy_benchmark(), target=DatasetSpec("divided"), splits=(2, 0))
    request = Request(translator="toy", constraints=[], learner="toy")
    plan = make_plan(registry, benchmark, request=request)
    for of in ("run", "target"):
        stage = distribution_of(plan, of=of)
        assert stage.translated[0].fitted.key == plan.translation_quality[0].translated.fitted.key
    assert stage.originals[0].data.parameters["split"] == 2


@pytest.mark.parametrize("of", ["run", "target"])
def test_groups_of_cameras_are_shown_together(session: Session, registry: Registry, of: Of) -> None:
    cameras = {"perspective__source": [[0], [1]], "perspective__target": [[0], [1]]}
    request = Request(translator="toy", constraints=[], learner="toy")
    plan = make_plan(registry, toy_benchmark(), request=request, **cameras)
    if of == "target":
        with pytest.raises(UsageError, match="has 2 translators"):
            distribution_of(plan, of=of)
        return
    stage = distribution_of(plan)
    got = found(stage, session)
    assert len(stage.translated) == len(stage.real) == len(stage.originals) == 2
    assert sorted(set(got["cams"][got["sets"] == 0].tolist())) == [0, 1]
    assert got["sets"].tolist() == [0] * 24 + [1] * 24 + [2] * 24


def test_few_images_for_so_many_dimensions_are_warned_of(
    session: Session, registry: Registry
) -> None:
    benchmark = replace(toy_benchmark(), target=DatasetSpec("toy", {"domain": "b", "ids": 2}))
    request = Request(translator="toy", constraints=[], learner="toy")
    plan = make_plan(registry, benchmark, request=request)
    (warning,) = found(distribution_of(plan), session)["warnings"]
    assert warning.startswith("a Fréchet distance is of 4 images in 8 dimensions, too few")
    assert found(distribution_of(planned(registry)), session)["warnings"] == []


def test_one_person_has_no_halves(session: Session, registry: Registry) -> None:
    benchmark = replace(toy_benchmark(), target=DatasetSpec("toy", {"domain": "b", "ids": 1}))
    request = Request(translator="toy", constraints=[], learner="toy")
    plan = make_plan(registry, benchmark, request=request)
    with pytest.raises(ReidbenchError, match="toy:b train shows one person only"):
        ensure_stage(distribution_of(plan), session)


def test_a_run_that_translates_nothing_has_no_distribution(registry: Registry) -> None:
    plan = make_plan(registry, toy_benchmark(), request=Request("direct", learner="toy"))
    with pytest.raises(UsageError, match="'direct\\+toy' translates nothing"):
        distribution_of(plan)


def test_figures_of_different_samples_have_different_names(
    registry: Registry, tmp_path: Path
) -> None:
    plan = planned(registry)
    first, second = (distribution_of(plan, sample=n) for n in (10, 11))
    path = default_path(plan, first, "distribution-pca", tmp_path)
    assert path.parent == tmp_path / "toy"
    assert path.name.startswith("distribution-pca-toy+toy-")
    assert path.name.endswith("-seed0.svg")
    assert path != default_path(plan, second, "distribution-pca", tmp_path)
