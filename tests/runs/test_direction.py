"""Translating the target's test images to the style of the source."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request
from reidbench.data.arrays import ImageArray
from reidbench.errors import UsageError
from reidbench.evaluation import Features, evaluate
from reidbench.evaluation.scores import Scores
from reidbench.interfaces import Images
from reidbench.registry.registry import Registration, Registry
from reidbench.runs.plan import Plan
from reidbench.runs.recording import result_of, save_picture
from reidbench.runs.runner import Outcome, Session, run_plan
from reidbench.stages import Embed, FitTranslator, Learn, Match, Translate, TranslateTest
from reidbench.testing.toy_runs import make_plan
from reidbench.testing.toys import ToyLearner
from tests.runs.test_cameras import ByCamera, Gaps

HERE = "tests.runs.test_direction"
REQUEST = Request(translator="toy", learner="toy", direction="target-to-source")


class Verifies(ToyLearner):
    """Finds pairs alike whose features have a large product."""

    def similarity(self, model: nn.Module, first: Tensor, second: Tensor) -> Tensor:
        return first @ second.T


class CameraInverts(ByCamera):
    """Paints every image in the colour of the domain that it comes from."""

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        if self.training:
            return super().translate(images, src, dst, code)
        return images.pixels.detach() * 0 - 1 + 0.2 * src


class Strange(Gaps):
    """One of its test images is of a camera that no training image is of."""

    def samples(self, split: Any) -> Any:
        samples = super().samples(split)
        cams = samples.cams.copy()
        cams[:1] = 7 if split == "train" else 5
        return replace(samples, cams=cams)


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("direction")
    more.dataset("gaps", "tests.runs.test_cameras:Gaps")
    more.dataset("strange", f"{HERE}:Strange")
    more.translator("camera-inverts", f"{HERE}:CameraInverts")
    more.learner("verifies", f"{HERE}:Verifies")
    registry.add(more)
    return registry


def planned(
    registry: Registry, benchmark: Benchmark, request: Request = REQUEST, **settings: Any
) -> Plan:
    return make_plan(registry, benchmark, request=request, **settings)


def of_kind(plan: Plan, kind: type[Any]) -> list[Any]:
    return [s for s in plan.stages if isinstance(s, kind)]


def images(outcome: Outcome, stage: Any) -> ImageArray:
    opened: ImageArray = stage.open(outcome.artifact(stage).path)
    return opened


def test_a_model_of_the_source_scores_translated_test_images(
    registry: Registry, benchmark_: Benchmark
) -> None:
    plan = planned(registry, benchmark_)
    (embed,) = of_kind(plan, Embed)
    direct = make_plan(registry, benchmark_, request=Request("direct", learner="toy"))
    assert plan.learned.key == direct.learned.key
    assert of_kind(plan, Translate) == []
    assert {s.split for s in of_kind(plan, TranslateTest)} == {"query", "gallery"}
    assert (embed.query.split, embed.gallery.split) == ("query", "gallery")
    assert (embed.query.kind, embed.gallery.kind) == ("translate-test", "translate-test")
    (fitted,) = of_kind(plan, FitTranslator)
    assert (fitted.source.split, fitted.target.split) == ("train", "train")


def test_the_translator_serves_both_directions(registry: Registry, benchmark_: Benchmark) -> None:
    there = planned(registry, benchmark_, replace(REQUEST, direction="source-to-target"))
    back = planned(registry, benchmark_)
    keys = [[s.key for s in of_kind(plan, FitTranslator)] for plan in (there, back)]
    assert keys[0] == keys[1]
    assert there.recipe.digest != back.recipe.digest
    assert "direction" not in there.recipe.identity()


def test_test_images_keep_order_and_labels_and_are_those_of_the_translator(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    outcome = run_plan(planned(registry, benchmark_), session)
    for stage in of_kind(outcome.plan, TranslateTest):
        fakes, real = images(outcome, stage), images(outcome, stage.images)
        assert fakes.pids.tolist() == real.pids.tolist()
        assert fakes.cams.tolist() == real.cams.tolist()
        weights = outcome.artifact(stage.fitted).path / "translator.safetensors"
        from safetensors.torch import load_file

        state = load_file(weights)
        pixels = real.images(np.arange(len(real)), torch.device("cpu")).pixels
        expected = torch.tanh(
            nn.functional.conv2d(pixels, state["back.weight"], state["back.bias"])
        )
        made = fakes.images(np.arange(len(fakes)), torch.device("cpu")).pixels
        assert torch.allclose(made, expected, atol=1 / 127)


def test_the_result_tells_the_direction_and_what_was_kept(
    registry: Registry, benchmark_: Benchmark, session: Session, tmp_path: Any
) -> None:
    from datetime import UTC, datetime

    outcome = run_plan(planned(registry, benchmark_), session)
    result = result_of(outcome, datetime.now(UTC))
    assert result.recipe["direction"] == "target-to-source"
    assert result.recipe["name"] == "toy+toy+to-source"
    assert result.uses["target_images"]
    assert not result.uses["test_images"]
    assert result.translation["accuracy"] is None
    assert "nobody of the target" in str(result.translation["accuracy_missing"])
    counted = result.translation["images"]
    assert isinstance(counted, dict)
    assert counted["translated"] == counted["target"] == 12
    assert save_picture(outcome, tmp_path / "sheet.png")
    assert outcome.plan.preview
    assert outcome.plan.preview.labels == ("target", "translated", "reconstructed", "source")


def test_the_source_is_tested_as_it_is(registry: Registry, benchmark_: Benchmark) -> None:
    plan = planned(registry, replace(benchmark_, tested="source"))
    (embed,) = of_kind(plan, Embed)
    assert embed.query.kind == embed.gallery.kind == "decode"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (replace(REQUEST, strategy="finetune"), "must be 'source', not 'finetune'"),
        (replace(REQUEST, translator="none"), "'target-to-source' needs a translator"),
        (replace(REQUEST, direction="to-sorce"), "no direction is named 'to-sorce'"),
        (Request(translator="toy", learner="toy", strategy="source"), "--direction target-to"),
    ],
)
def test_what_does_not_fit_the_direction_is_refused(
    registry: Registry, benchmark_: Benchmark, request_: Request, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        planned(registry, benchmark_, request_)


def test_a_translator_of_cameras_is_told_the_camera_of_each_image(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    target = replace(benchmark_, target=DatasetSpec("gaps", {"domain": "b"}))
    request = replace(REQUEST, translator="camera-inverts")
    outcome = run_plan(planned(registry, target, request), session)
    for stage in of_kind(outcome.plan, TranslateTest):
        fakes = images(outcome, stage)
        domains = 1 + np.searchsorted([2, 7], fakes.cams)
        assert fakes.pixels[:, 0, 0, 0].tolist() == pytest.approx(0.2 * domains * 127.5, abs=1)


def test_a_camera_without_training_images_is_refused_before_training(
    registry: Registry, benchmark_: Benchmark
) -> None:
    target = replace(benchmark_, target=DatasetSpec("strange", {"domain": "b"}))
    with pytest.raises(UsageError, match="query images of 'strange:b' are of camera 5"):
        planned(registry, target, replace(REQUEST, translator="camera-inverts"))
    planned(registry, target)  # a translator that tells no cameras apart does not care


def test_a_registered_method_has_its_direction(registry: Registry, benchmark_: Benchmark) -> None:
    more = Registration("methods")
    more.method("back", translator="toy", learner="toy", direction="target-to-source")
    registry.add(more)
    recipe = planned(registry, benchmark_, Request(method="back")).recipe
    assert (recipe.strategy, recipe.direction) == ("source", "target-to-source")
    there = planned(registry, benchmark_, Request(method="back", direction="source-to-target"))
    assert (there.recipe.strategy, there.recipe.direction) == ("finetune", "source-to-target")
    with pytest.raises(ValueError, match="direction 'up' is none of"):
        more.method("up", translator="toy", direction="up")  # type: ignore[arg-type]


VERIFIES = Request("direct", learner="verifies")


def test_verification_ranks_by_the_learners_similarity(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    plan = planned(registry, benchmark_, VERIFIES, embedding__retrieval="verification")
    outcome = run_plan(plan, session)
    (evaluated,) = plan.evaluations
    folder = outcome.artifact(evaluated.embedded).path
    sets = {
        split: [np.load(folder / f"{split}_{n}.npy") for n in ("features", "pids", "cams")]
        for split in ("query", "gallery")
    }
    products = sets["query"][0] @ sets["gallery"][0].T
    scores = Scores.from_dict(_scores(outcome))
    # Ranked by hand: the rank of the first match of each query under the largest product.
    first = []
    for row, pid, cam in zip(products, *sets["query"][1:], strict=True):
        others = ~((sets["gallery"][1] == pid) & (sets["gallery"][2] == cam))
        order = np.argsort(-row[others], kind="stable")
        first.append(np.flatnonzero(sets["gallery"][1][others][order] == pid)[0] == 0)
    assert scores.measures()["rank1"] == pytest.approx(np.mean(first))
    by_features = evaluate(*(Features(*sets[s]) for s in ("query", "gallery")))
    assert by_features.measures() != scores.measures()


def test_both_retrievals_share_the_features(registry: Registry, benchmark_: Benchmark) -> None:
    plans = [
        planned(registry, benchmark_, VERIFIES, embedding__retrieval=retrieval)
        for retrieval in ("features", "verification")
    ]
    assert len({of_kind(p, Embed)[0].key for p in plans}) == 1
    assert len({of_kind(p, Learn)[0].key for p in plans}) == 1
    assert len({p.recipe.digest for p in plans}) == 2
    assert [len(of_kind(p, Match)) for p in plans] == [0, 1]


@pytest.mark.parametrize(
    ("learner", "settings", "message"),
    [
        ("toy", {}, "learner 'toy' does not implement similarity()"),
        ("verifies", {"embedding__flip": True}, "leave flip at false"),
        ("verifies", {"ranking__rerank": True}, "no features to re-rank"),
    ],
)
def test_verification_is_refused_where_it_cannot_be(
    registry: Registry,
    benchmark_: Benchmark,
    learner: str,
    settings: dict[str, Any],
    message: str,
) -> None:
    request = Request("direct", learner=learner)
    with pytest.raises(UsageError, match=message):
        planned(registry, benchmark_, request, embedding__retrieval="verification", **settings)


def test_verification_pools_no_queries(registry: Registry, benchmark_: Benchmark) -> None:
    pooled = replace(benchmark_, protocol=DatasetSpec("multi-query"))
    with pytest.raises(UsageError, match="'multi-query' averages features"):
        planned(registry, pooled, VERIFIES, embedding__retrieval="verification")


def _scores(outcome: Outcome) -> Any:
    import json

    (evaluated,) = outcome.plan.evaluations
    return json.loads((outcome.artifact(evaluated).path / "scores.json").read_text())
