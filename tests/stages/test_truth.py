"""Perfect translations, and translations held against the truth, in whole runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request
from reidbench.data.seen import Seen, paired_cameras
from reidbench.data.synthetic import Synthetic
from reidbench.errors import UsageError
from reidbench.evaluation.truth import nearest, truth_errors
from reidbench.interfaces import FeatureLearner, Images, Warp
from reidbench.registry.registry import Registration, Registry
from reidbench.results.result import Result
from reidbench.runs.figures import distribution_of, moving_of
from reidbench.runs.plan import Plan
from reidbench.runs.plan_checks import truth_served
from reidbench.runs.recording import result_of, save_picture
from reidbench.runs.runner import Outcome, Session, run_plan
from reidbench.stages import FitTranslator, Learn, TranslateTest, TrueTranslation, Truth, TruthError
from reidbench.stages.truth_error import SCORES
from reidbench.testing.toy_runs import make_plan, toy_benchmark
from reidbench.testing.toys import ToyLearner, ToyTranslator
from tests.stages.test_translation_quality import Dumb, Identity

FEW = {"ids": 4, "cameras": 2, "images_per_camera": 2, "height": 32, "width": 16}
OTHER = {**FEW, "domain": "d", "cameras": 3}


class ToCameras(ToyTranslator):
    """Tells cameras apart, and paints each domain in a grey of its own."""

    split = "camera"

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        if self.training:
            return super().translate(images, src, dst, code)
        return images.pixels.detach() * 0 + 0.1 * dst


class Shifting(Identity):
    """Says that it moves everything to the right by a tenth of the image."""

    def warp(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Warp:
        matrix = torch.tensor([1.0, 0, 0.2, 0, 1, 0, 0, 0, 1]).repeat(len(images), 1)
        return Warp(matrix, torch.zeros(len(images), 1, 1, 2))


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("truth")
    for kind in (ToCameras, Shifting, Identity):
        more.translator(kind.__name__.lower(), f"{kind.__module__}:{kind.__name__}")
    more.learner("dumb", f"{Dumb.__module__}:Dumb")
    registry.add(more)
    return registry


def rendered() -> Benchmark:
    source, target = (DatasetSpec("synthetic", values) for values in (FEW, OTHER))
    toy = toy_benchmark()
    return Benchmark(**{**vars(toy), "source": source, "target": target, "image_size": (32, 16)})


def planned(registry: Registry, benchmark: Benchmark | None = None, **request: Any) -> Plan:
    named = {"translator": "perfect", "learner": "toy", **request}
    settings = named.pop("settings", {})
    return make_plan(registry, benchmark or rendered(), request=Request(**named), **settings)


def run(registry: Registry, session: Session, **request: Any) -> Outcome:
    return run_plan(planned(registry, **request), session)


def of_kind(plan: Plan, kind: type) -> list[Any]:
    return [stage for stage in plan.stages if isinstance(stage, kind)]


def truth(outcome: Outcome, number: int = 0) -> dict[str, Any]:
    folder = outcome.artifact(outcome.plan.truth_errors[number]).path
    found: dict[str, Any] = json.loads((folder / SCORES).read_text())
    return found


def result(outcome: Outcome) -> Result:
    made = result_of(outcome, datetime.now(UTC))
    return Result.from_dict(json.loads(json.dumps(made.to_dict())))


def opened(outcome: Outcome, stage: Any) -> Any:
    return stage.open(outcome.artifact(stage).path)


@pytest.mark.parametrize("direction", ["source-to-target", "target-to-source"])
def test_perfect_takes_the_renderers_pictures(
    registry: Registry, session: Session, direction: str
) -> None:
    outcome = run(registry, session, direction=direction)
    plan = outcome.plan
    source, target = Synthetic(**FEW), Synthetic(**OTHER)
    dataset, other = (source, target) if direction == "source-to-target" else (target, source)
    assert not of_kind(plan, FitTranslator)
    for stage in [s for s in of_kind(plan, TrueTranslation) if s.key in outcome.finished]:
        made, cameras = opened(outcome, stage), stage.asked(Path())
        assert set(cameras) <= set(other.samples("train").cams)
        for index, camera in enumerate(cameras):
            assert np.array_equal(
                made.pixels[index],
                dataset.as_seen_by(other, stage.split, index, camera=int(camera)),
            )
        samples = dataset.samples(stage.split)
        assert np.array_equal(made.pids, samples.pids)
        assert np.array_equal(made.cams, samples.cams)
        assert made.fake.all()
    embedded = plan.evaluations[0].embedded
    tested = {type(s) is TrueTranslation for s in (embedded.query, embedded.gallery)}
    assert tested == {direction == "target-to-source"}
    found = truth(outcome)
    assert found["person"]["rmse"] == found["background"]["rmse"] == found["colour"] == 0
    assert found["person"]["psnr"] is None
    assert found["cameras"] == "asked"
    kept = found["identity_retained"]
    assert kept["translated"] == kept["perfect"]


def test_a_result_says_that_the_truth_was_read(
    registry: Registry, session: Session, tmp_path: Path
) -> None:
    outcome = run(registry, session)
    told = result(outcome)
    assert told.uses["ground_truth"] is True
    assert told.recipe["budget"] is None
    assert told.recipe["translator"]["parameters"] == dict.fromkeys(
        ("colour", "place", "viewpoint"), True
    )
    assert told.quantity("networks") == 0
    assert told.translation["truth"] == truth(outcome)
    assert told.quantity("person_error") == 0
    assert save_picture(outcome, tmp_path / "sheet.png")
    assert outcome.plan.preview is not None
    assert outcome.plan.preview.labels == ("source", "truth", "translated", "target")
    rows = np.load(outcome.artifact(outcome.plan.preview).path / "rows.npy")
    assert np.array_equal(rows[1], rows[2])
    toy = run(registry, session, translator="toy")
    assert "ground_truth" not in result(toy).uses


def test_a_partial_truth_shows_its_part(registry: Registry, session: Session) -> None:
    outcome = run(registry, session, translator=None, method="perfect-colour")
    assert outcome.plan.recipe.name == "perfect-colour+toy"
    (stage, *others) = of_kind(outcome.plan, TrueTranslation)
    partial = next(s for s in (stage, *others) if s.parts == ("colour",))
    made, cameras = opened(outcome, partial), partial.asked(Path())
    shown = Synthetic(**FEW).as_seen_by(
        Synthetic(**OTHER), "train", 5, camera=int(cameras[5]), parts=("colour",)
    )
    assert np.array_equal(made.pixels[5], shown)
    found = truth(outcome)
    assert found["person"]["rmse"] > 0  # the whole truth is what it is held against
    assert found["colour"] < found["untranslated"]["colour"]


def test_each_part_has_a_method(registry: Registry) -> None:
    def parts(method: str) -> tuple[str, ...]:
        request = Request(method=method, learner="toy")
        found: tuple[str, ...] = of_kind(
            make_plan(registry, rendered(), request=request), TrueTranslation
        )[0].parts
        return found

    for part in ("colour", "place", "viewpoint"):
        plan = make_plan(
            registry, rendered(), request=Request(method=f"perfect-{part}", learner="toy")
        )
        assert plan.truth_errors[0].translated.parts == (part,)
    assert parts("perfect") == ("colour", "place", "viewpoint")


def test_cameras_are_paired(registry: Registry) -> None:
    seen = planned(registry).truth_errors[0].translated.asked(Path())
    assert seen is not None
    assert seen.tolist() == [0, 2, 1, 0] * 2
    assert seen.tolist() == paired_cameras(*_labels("train"), np.arange(3)).tolist()
    assert paired_cameras(*_labels("train"), np.array([4, 7])).tolist() == [4, 4, 7, 7] * 2
    four = paired_cameras(*_labels("train"), np.arange(4))
    assert four.tolist() == [0, 2, 1, 3] * 2
    mixed = np.array([5, 5, 3, 5, 3]), np.array([9, 2, 9, 9, 2])  # in any order
    assert paired_cameras(*mixed, np.arange(9)).tolist() == [1, 0, 1, 3, 0]


def _labels(split: Any) -> tuple[Any, Any]:
    samples = Synthetic(**FEW).samples(split)
    return samples.pids, samples.cams


def test_pictures_are_the_same_for_all_seeds(registry: Registry) -> None:
    first, second = (
        make_plan(registry, rendered(), seed, Request(translator="perfect", learner="toy"))
        for seed in (0, 1)
    )
    for kind in (TrueTranslation, Truth):
        assert {s.key for s in of_kind(first, kind)} == {s.key for s in of_kind(second, kind)}
    classifiers = {p.truth_errors[0].classifier.key for p in (first, second)}
    assert classifiers == {first.learned.key}  # the model that seed 0 ends with


def test_real_data_is_refused_before_anything_is_computed(registry: Registry) -> None:
    expected = "'perfect[+]toy' shows the true pictures.*'toy:a' and 'toy:b' are not both rendered"
    with pytest.raises(UsageError, match=expected):
        planned(registry, toy_benchmark(), translator=None, method="perfect")
    one = Benchmark(**{**vars(rendered()), "target": toy_benchmark().target})
    with pytest.raises(UsageError, match="are not both rendered; choose a synthetic benchmark"):
        planned(registry, one)


def test_all_methods_are_those_that_the_data_serves(registry: Registry) -> None:
    """What ``sweep --method all`` leaves out, so that the others are run."""
    known, real = planned(registry), planned(registry, toy_benchmark(), translator="toy")
    assert truth_served(known.recipe, known.setting)
    assert truth_served(real.recipe, known.setting)
    assert truth_served(real.recipe, real.setting)
    assert not truth_served(known.recipe, real.setting)


def test_what_could_have_no_effect_is_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match="'perfect' trains nothing that constraint 'kept' could"):
        planned(registry, constraints=["kept"])
    none = {f"perfect__{part}": False for part in ("colour", "place", "viewpoint")}
    with pytest.raises(UsageError, match="one of colour, place, viewpoint must be true"):
        planned(registry, settings=none)


def test_other_datasets_are_measured_as_before(registry: Registry) -> None:
    plan = planned(registry, toy_benchmark(), translator="toy")
    assert plan.truth_errors == ()
    assert not of_kind(plan, Truth)
    assert plan.preview is not None
    assert plan.preview.values() == {"columns": 8}  # so that earlier pictures keep their keys
    assert "truth" not in plan.preview.labels


def test_a_translation_is_held_against_the_nearest_camera(
    registry: Registry, session: Session
) -> None:
    outcome = run(registry, session, translator="toy")
    (stage,) = outcome.plan.truth_errors
    fakes, truths = opened(outcome, stage.translated), opened(outcome, stage.truth)
    source, target = Synthetic(**FEW), Synthetic(**OTHER)
    assert truths.rows.tolist() == list(range(8))
    for row in (0, 5):
        for camera in range(3):
            seen = source.as_seen_by(target, "train", row, camera=camera)
            assert np.array_equal(truths.pixels[row, camera], seen)
            mask = source.mask_as_seen_by(target, "train", row, camera=camera)
            assert np.array_equal(truths.masks[row, camera], mask)
    at = np.arange(8), nearest(fakes.pixels[:], truths.pixels)
    expected = truth_errors(fakes.pixels[:], truths.pixels[at], truths.masks[at]).to_dict()
    found = truth(outcome)
    assert {name: found[name] for name in expected} == expected
    assert (found["cameras"], found["images"], found["of"]) == ("nearest", 8, 8)
    rows = np.load(outcome.artifact(outcome.plan.preview).path / "rows.npy")  # type: ignore[arg-type]
    chosen = np.array([0, 4])  # the first image of each person
    assert np.array_equal(rows[1], truths.pixels[chosen, at[1][chosen]])


def test_what_is_not_translated_stands_beside_it(registry: Registry, session: Session) -> None:
    found = truth(run(registry, session, translator="identity"))
    for name in ("person", "background", "colour"):
        assert found[name] == pytest.approx(found["untranslated"][name])
    kept = found["identity_retained"]
    assert kept["translated"] == kept["untranslated"]


def test_a_translation_to_a_camera_is_held_against_that_camera(
    registry: Registry, session: Session
) -> None:
    outcome = run(registry, session, translator="tocameras", strategy="translated")
    (stage,) = outcome.plan.truth_errors
    truths, found = opened(outcome, stage.truth), truth(outcome)
    fakes = opened(outcome, stage.translated).pixels.reshape(3, 8, 32, 16, 3)
    assert (found["cameras"], found["images"]) == ("asked", 24)
    each = [
        truth_errors(fakes[c], truths.pixels[:, c], truths.masks[:, c]).person.squared
        for c in range(3)
    ]
    assert found["person"]["rmse"] == pytest.approx(np.sqrt(np.mean(each)))
    assert outcome.plan.preview is not None
    rows = np.load(outcome.artifact(outcome.plan.preview).path / "rows.npy")
    assert np.array_equal(rows[1], truths.pixels[[0, 4], 0])


def test_one_drawn_camera_is_held_against_as_well(registry: Registry, session: Session) -> None:
    outcome = run(registry, session, translator="tocameras", settings={"rendering__cameras": "one"})
    (stage,) = outcome.plan.truth_errors
    asked = stage.translated.asked(outcome.artifact(stage.translated).path)
    assert 1 < len(set(asked.tolist())) <= 3
    truths, fakes = opened(outcome, stage.truth), opened(outcome, stage.translated)
    at = np.arange(8), asked
    expected = truth_errors(fakes.pixels[:], truths.pixels[at], truths.masks[at]).to_dict()
    assert truth(outcome)["person"] == pytest.approx(expected["person"])


def test_translated_test_images_are_held_against_the_source(
    registry: Registry, session: Session
) -> None:
    outcome = run(registry, session, translator="toy", direction="target-to-source")
    (stage,) = outcome.plan.truth_errors
    assert isinstance(stage.translated, TranslateTest)
    truths, found = opened(outcome, stage.truth), truth(outcome)
    assert truths.cameras.tolist() == [0, 1]
    seen = Synthetic(**OTHER).as_seen_by(Synthetic(**FEW), "gallery", 2, camera=1)
    assert np.array_equal(truths.pixels[2, 1], seen)
    assert 0 <= found["identity_retained"]["translated"] <= 1
    assert stage.classifier.start is None
    (taught,) = stage.classifier.data
    assert (taught.kind, taught.split) == ("true-translation", "gallery")


def test_identity_retained_is_told_by_a_classifier_of_the_true_pictures(
    registry: Registry, session: Session
) -> None:
    outcome = run(registry, session, translator="toy")
    (stage,) = outcome.plan.truth_errors
    assert [d.kind for d in stage.classifier.data] == ["true-translation"]
    learner, model = stage.classifier.load(
        outcome.artifact(stage.classifier).path, session.hardware
    )
    assert isinstance(learner, ToyLearner)
    fakes = opened(outcome, stage.translated)
    pixels = fakes.images(np.arange(len(fakes)), torch.device("cpu")).pixels
    with torch.no_grad():
        named = learner.classify(model, pixels).argmax(1).numpy()
    right = float((np.unique(fakes.pids)[named] == fakes.pids).mean())
    assert truth(outcome)["identity_retained"]["translated"] == pytest.approx(right)
    assert result(outcome).quantity("identity_retained") == pytest.approx(right)


def test_a_learner_that_names_nobody_says_so(registry: Registry, session: Session) -> None:
    outcome = run(registry, session, translator="toy", learner="dumb")
    found = truth(outcome)
    assert Dumb.classify is FeatureLearner.classify
    assert found["identity_retained"] is None
    assert "dumb" in found["identity_missing"].lower() or found["identity_missing"]
    assert result(outcome).quantity("identity_retained") is None
    assert result(outcome).quantity("person_error") == found["person"]["rmse"]


def test_transforms_are_held_against_the_true_grid(registry: Registry, session: Session) -> None:
    found = truth(run(registry, session, translator="shifting"))["transforms"]
    assert found.keys() == {"error", "identity", "grid_error", "grid_identity"}
    assert all(value > 0 for value in found.values())
    assert "transforms" not in truth(run(registry, session, translator="identity"))


def test_groups_of_cameras_are_averaged(registry: Registry, session: Session) -> None:
    groups = {"perspective__source": [[0], [1]], "perspective__target": [[0], [1, 2]]}
    outcome = run(registry, session, translator="toy", settings=groups)
    first, second = (truth(outcome, number) for number in (0, 1))
    told = result(outcome).translation["truth"]
    assert told["colour"] == pytest.approx((first["colour"] + second["colour"]) / 2)
    person = [t["person"]["rmse"] for t in (first, second)]
    assert told["person"]["rmse"] == pytest.approx(np.mean(person))
    assert told["cameras"] == "nearest"
    truths = [opened(outcome, s.truth).cameras.tolist() for s in outcome.plan.truth_errors]
    assert truths == [[0], [1, 2]]
    perfect = planned(registry, settings=groups)
    assert len(perfect.truth_errors) == 2
    assert perfect.truth_errors[0].classifier.key == outcome.plan.truth_errors[0].classifier.key


def test_a_sample_is_spread_over_the_images(registry: Registry, session: Session) -> None:
    (stage,) = planned(registry, translator="toy").truth_errors
    small = Truth(stage.truth.images, stage.truth.towards, pictures=7)
    assert small.key != stage.truth.key
    seen = small._seen(np.array([0, 7]))
    assert isinstance(seen, Seen)
    assert seen.samples("train").names[2] != seen.samples("train").names[3]
    assert len(seen.samples("train")) == 6
    assert seen.fingerprint() != small._seen(np.array([0, 6])).fingerprint()
    assert seen.check() == []


def test_figures_of_perfect_translations(registry: Registry) -> None:
    plan = planned(registry)
    with pytest.raises(UsageError, match="has no translator: it trains no transforms"):
        moving_of(plan)
    for of, split in (("run", "train"), ("target", "query")):
        stage = distribution_of(plan, of=of)  # type: ignore[arg-type]
        first = stage.translated[0]
        assert isinstance(first, TrueTranslation)
        assert first.split == split
    assert of_kind(plan, Learn)
    assert of_kind(plan, TruthError)
