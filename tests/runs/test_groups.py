"""Cameras that are translated apart, and masks that are made."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
import pytest

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request
from reidbench.config.recipe import CameraGroups
from reidbench.data.dataset import Samples, Split
from reidbench.errors import UsageError
from reidbench.interfaces import Batch, ExtraLoss, Hops
from reidbench.nn.unet import UNet
from reidbench.registry.registry import Registration, Registry
from reidbench.runs.cost_summary import cost_of, speed_of
from reidbench.runs.plan import Plan
from reidbench.runs.recording import result_of
from reidbench.runs.runner import Session, run_plan
from reidbench.stages import (
    FitTranslator,
    Learn,
    Masked,
    Translate,
    TranslateTest,
    TranslationQuality,
)
from reidbench.testing.toy_runs import make_plan, toy_benchmark
from reidbench.testing.toys import ToyDataset, ToyTranslator

HERE = "tests.runs.test_groups"
REQUEST = Request(translator="toy", learner="toy", strategy="source+translated")


class Maskless(ToyDataset):
    """A dataset without masks."""

    has_masks: ClassVar[bool] = False  # type: ignore[assignment]

    def fingerprint(self) -> str:
        return f"maskless-{super().fingerprint()}"


class Uneven(ToyDataset):
    """Its second camera does not see the first half of the training persons."""

    def samples(self, split: Split) -> Samples:
        samples = super().samples(split)
        if split != "train":
            return samples
        kept = (samples.cams == 0) | (samples.pids > self.ids // 2)
        names = [name for name, keep in zip(samples.names, kept, strict=True) if keep]
        return Samples(names, samples.pids[kept], samples.cams[kept])

    def fingerprint(self) -> str:
        return f"uneven-{super().fingerprint()}"


class SeesMasks(ToyTranslator):
    """Refuses batches without masks."""

    needs: ClassVar[frozenset[str]] = frozenset({"mask"})  # type: ignore[misc]

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Any) -> tuple[Hops, Any]:
        assert batch.source.mask is not None
        assert batch.target.mask is not None
        return super().training_step(batch, extra_loss, clock)

    def translate(self, images: Any, src: int, dst: int, code: Any = None) -> Any:
        assert self.training or images.mask is not None
        return super().translate(images, src, dst, code)


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("groups")
    more.dataset("maskless", f"{HERE}:Maskless")
    more.dataset("uneven", f"{HERE}:Uneven")
    more.translator("sees-masks", f"{HERE}:SeesMasks")
    registry.add(more)
    return registry


def of_kind(plan: Plan, kind: type[Any]) -> list[Any]:
    return [s for s in plan.stages if isinstance(s, kind)]


def grouped(
    registry: Registry, benchmark: Benchmark, request: Request = REQUEST, **groups: Any
) -> Plan:
    settings = {f"perspective__{side}": cameras for side, cameras in groups.items()}
    return make_plan(registry, benchmark, request=request, **settings)


def test_each_group_of_cameras_has_a_translator_and_all_are_learned_from(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    plan = grouped(registry, benchmark_, source=[[0], [1]], target=[[1], [0]])
    outcome = run_plan(plan, session)
    fits = of_kind(plan, FitTranslator)
    seen = []
    for fitted in fits:
        both = [s.open(outcome.artifact(s).path).cams for s in (fitted.source, fitted.target)]
        seen.append([set(cams.tolist()) for cams in both])
    assert seen == [[{0}, {1}], [{1}, {0}]]
    assert isinstance(plan.learned, Learn)
    source, *translated = plan.learned.data
    assert [s.kind for s in translated] == ["translate", "translate"]
    rows = [len(s.open(outcome.artifact(s).path)) for s in (source, *translated)]
    assert rows[0] == rows[1] + rows[2] == 24
    assert len(of_kind(plan, TranslationQuality)) == 2
    result = result_of(outcome, datetime.now(UTC))
    assert result.recipe["perspective"] == {"source": [[0], [1]], "target": [[1], [0]]}
    cost = result.cost["translation"]
    assert isinstance(cost, dict)
    assert cost["networks"] == 2 * 2
    one = run_plan(make_plan(registry, benchmark_, request=REQUEST), session)
    alone = result_of(one, datetime.now(UTC)).cost["translation"]
    assert isinstance(alone, dict)
    assert cost["flops_an_image"] == alone["flops_an_image"]
    assert cost["steps"] == 2 * alone["steps"]


def test_persons_keep_their_names_in_a_group_that_lacks_some(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    uneven = replace(benchmark_, source=DatasetSpec("uneven", {"domain": "a"}))
    whole = run_plan(make_plan(registry, uneven, request=REQUEST), session)
    parts = run_plan(grouped(registry, uneven, source=[[0], [1]]), session)
    found = []
    for outcome in (whole, parts):
        folders = [outcome.artifact(stage).path for stage in outcome.plan.translation_quality]
        records = [json.loads((f / "preservation.json").read_text()) for f in folders]
        counts = [r["images"]["source"] for r in records]
        found.append((counts, np.average([r["accuracy"]["real"] for r in records], weights=counts)))
    # The same model names the same real images, in one group or the other.
    assert [counts for counts, _ in found] == [[18], [12, 6]]
    assert found[0][1] > 1 / 6  # better than chance, so that other names would be worse
    assert found[0][1] == pytest.approx(found[1][1])


def test_one_group_serves_every_other(registry: Registry, benchmark_: Benchmark) -> None:
    for sides in ({"source": [[0], [1]]}, {"source": [[0], [1]], "target": [[1]]}):
        assert len(of_kind(grouped(registry, benchmark_, **sides), FitTranslator)) == 2
    plain = make_plan(registry, benchmark_, request=REQUEST)
    all_cameras = grouped(registry, benchmark_, source=[[0, 1]])
    assert len(of_kind(all_cameras, FitTranslator)) == 1
    assert plain.recipe.digest != all_cameras.recipe.digest
    # All of a dataset's cameras are the dataset: nothing is trained again.
    keys = [of_kind(p, Translate)[0].key for p in (plain, all_cameras)]
    assert keys[0] == keys[1]


def test_pairs_of_groups() -> None:
    assert CameraGroups().pairs == [((), ())]
    assert CameraGroups(source=((0, 1), (2,))).pairs == [((0, 1), ()), ((2,), ())]
    both = CameraGroups(source=((0,), (2,)), target=((1,), (3,)))
    assert both.pairs == [((0,), (1,)), ((2,), (3,))]


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        ({"source": [[0], [1]], "target": [[0], [1], [2]]}, "2 groups of source cameras cannot"),
        ({"source": [[0], []]}, "a group is empty"),
        ({"source": [[0], [0]]}, "a camera stands twice"),
        ({"source": [[0], [9]]}, "9"),
        ({"source": [0]}, r"perspective\.source"),
    ],
)
def test_groups_that_make_no_sense_are_refused(
    registry: Registry, benchmark_: Benchmark, sides: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        grouped(registry, benchmark_, **sides)


def test_groups_are_for_learning_from_translations(
    registry: Registry, benchmark_: Benchmark
) -> None:
    back = Request(translator="toy", learner="toy", direction="target-to-source")
    with pytest.raises(UsageError, match="need the direction 'source-to-target'"):
        grouped(registry, benchmark_, back, source=[[0], [1]])
    with pytest.raises(UsageError, match="'perspective' is no part of this run"):
        grouped(registry, benchmark_, Request("direct", learner="toy"), source=[[0], [1]])


SEES = Request(translator="sees-masks", learner="toy", strategy="translated")
QUICK = {"unet__ids": 4, "unet__epochs": 1, "unet__width": 2, "unet__depth": 1}


def maskless(**parts: str) -> Benchmark:
    specs = {side: DatasetSpec("maskless", {"domain": d}) for side, d in parts.items()}
    return replace(toy_benchmark(), **specs)  # type: ignore[arg-type]


def test_a_translator_that_reads_masks_wants_them_of_both(registry: Registry) -> None:
    with pytest.raises(UsageError, match=r"'sees-masks' needs person masks, .*--masks unet"):
        make_plan(registry, maskless(target="b"), request=SEES)


def test_masks_are_made_where_they_are_asked_for_and_the_result_says_so(
    registry: Registry, session: Session
) -> None:
    request = replace(SEES, masks="unet")
    plan = make_plan(registry, maskless(target="b"), request=request, **QUICK)
    made = of_kind(plan, Masked)
    assert [m.split for m in made] == ["train", "train"]
    assert isinstance(plan.learned, Learn)
    outcome = run_plan(plan, session)
    result = result_of(outcome, datetime.now(UTC))
    assert str(result.masks["from"]).startswith("unet")
    sets = result.masks["sets"]
    assert isinstance(sets, dict)
    assert len(sets) == 2
    ious = [each["iou"] for each in sets.values()]
    assert sum(iou is not None for iou in ious) == 1  # the source's own masks are known
    assert result.recipe["segmenter"]["name"] == "unet"  # type: ignore[index]


def test_masks_that_are_learned_are_part_of_the_cost(registry: Registry, session: Session) -> None:
    plan = make_plan(registry, toy_benchmark(), request=replace(SEES, masks="unet"), **QUICK)
    outcome = run_plan(plan, session)
    cost: dict[str, Any] = cost_of(outcome)
    speed: dict[str, Any] = speed_of(outcome)
    learning = cost["learning"]
    titles = [t["title"] for t in learning]
    assert titles[0].startswith("learn masks by unet from ")
    assert titles[1:] == ["learn toy on translated images"]
    assert learning[0]["parameters"] == sum(p.numel() for p in UNet(2, 1).parameters())
    trainings = [cost["translation"], *learning]
    assert cost["training_flops"] == sum(t["steps"] * t["flops_a_step"] for t in trainings)
    kinds = ("segmenter", "masked", "translator", "translate", "learn")
    assert speed["training_seconds"] == pytest.approx(
        sum(speed["seconds"][kind] for kind in kinds), abs=2e-3
    )


def test_the_datasets_own_masks_are_used_otherwise(registry: Registry, session: Session) -> None:
    outcome = run_plan(make_plan(registry, toy_benchmark(), request=SEES), session)
    assert of_kind(outcome.plan, Masked) == []
    assert result_of(outcome, datetime.now(UTC)).masks == {"from": "dataset"}
    direct = run_plan(make_plan(registry, toy_benchmark(), request=REQUEST), session)
    assert result_of(direct, datetime.now(UTC)).masks == {}


def test_test_images_are_masked_too_if_they_are_translated(registry: Registry) -> None:
    back = Request(
        translator="sees-masks", learner="toy", direction="target-to-source", masks="unet"
    )
    plan = make_plan(registry, maskless(target="b"), request=back, **QUICK)
    assert {s.images.kind for s in of_kind(plan, TranslateTest)} == {"masked"}


def test_masks_that_nothing_reads_are_not_made(registry: Registry, benchmark_: Benchmark) -> None:
    plain, masked = (
        make_plan(registry, benchmark_, request=r)
        for r in (REQUEST, replace(REQUEST, masks="unet"))
    )
    assert plain.recipe.digest == masked.recipe.digest
