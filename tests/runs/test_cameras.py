"""Translators that tell the target's cameras apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request
from reidbench.data.arrays import ImageArray
from reidbench.data.dataset import Samples, Split
from reidbench.errors import UsageError
from reidbench.interfaces import Batch, Clock, Context, ExtraLoss, Hops, Images, Log
from reidbench.registry.registry import Registration, Registry
from reidbench.runs.plan import Plan
from reidbench.runs.runner import Outcome, Session, run_plan
from reidbench.stages import Learn, Translate
from reidbench.stages.decode import concatenated
from reidbench.testing.toy_runs import make_plan, toy_benchmark
from reidbench.testing.toys import ToyDataset, ToyTranslator

HERE = "tests.runs.test_cameras"


class Gaps(ToyDataset):
    """Its cameras are numbered 2 and 7."""

    def samples(self, split: Split) -> Samples:
        samples = super().samples(split)
        return Samples(samples.names, samples.pids, np.where(samples.cams == 0, 2, 7))

    def fingerprint(self) -> str:
        return f"gaps-{super().fingerprint()}"


class ByCamera(ToyTranslator):
    """Paints each domain in a colour of its own, and keeps what it was shown."""

    split: ClassVar[Literal["dataset", "camera"]] = "camera"

    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        assert ctx.num_domains == 1 + 2

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        assert set(batch.target.cam.tolist()) <= {0, 1}
        return super().training_step(batch, extra_loss, clock)

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        if self.training:
            return super().translate(images, src, dst, code)
        return images.pixels.detach() * 0 - 1 + 0.2 * dst


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("cameras")
    more.dataset("gaps", f"{HERE}:Gaps")
    more.translator("by-camera", f"{HERE}:ByCamera")
    registry.add(more)
    return registry


REQUEST = Request(translator="by-camera", learner="toy", strategy="translated")
TARGET = {"target": DatasetSpec("gaps", {"domain": "b"})}


def planned(registry: Registry, benchmark: Benchmark, **settings: Any) -> Plan:
    return make_plan(registry, replace(benchmark, **TARGET), request=REQUEST, **settings)


def translated(outcome: Outcome) -> tuple[Translate, ImageArray, NDArray[np.int64]]:
    (stage,) = [s for s in outcome.plan.stages if isinstance(s, Translate)]
    folder = outcome.artifact(stage).path
    return stage, stage.open(folder), np.load(folder / "domains.npy")


def levels(domains: NDArray[np.int64]) -> list[int]:
    return [round(0.2 * d * 127.5) for d in domains.tolist()]


def test_every_image_is_translated_to_every_camera_of_the_target(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    outcome = run_plan(planned(registry, benchmark_), session)
    stage, images, domains = translated(outcome)
    source = stage.fitted.source.open(outcome.artifact(stage.fitted.source).path)
    assert domains.tolist() == [1] * len(source) + [2] * len(source)
    assert images.pids.tolist() == source.pids.tolist() * 2
    assert images.pixels[:, 0, 0, 0].tolist() == pytest.approx(levels(domains), abs=1)


def test_or_to_one_drawn_at_random(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    outcome = run_plan(planned(registry, benchmark_, rendering__cameras="one"), session)
    stage, images, domains = translated(outcome)
    source = stage.fitted.source.open(outcome.artifact(stage.fitted.source).path)
    assert images.pids.tolist() == source.pids.tolist()
    assert set(domains.tolist()) == {1, 2}
    assert images.pixels[:, 0, 0, 0].tolist() == pytest.approx(levels(domains), abs=1)
    again = run_plan(planned(registry, benchmark_, rendering__cameras="one"), session)
    assert np.array_equal(translated(again)[2], domains)


def test_the_cameras_are_part_of_the_key_and_of_the_recipe(
    registry: Registry, benchmark_: Benchmark
) -> None:
    plans = [
        planned(registry, benchmark_, **settings)
        for settings in ({}, {"rendering__cameras": "one"})
    ]
    assert len({p.recipe.digest for p in plans}) == 2
    assert len({p.learned.key for p in plans}) == 2
    fits = [[s.key for s in p.stages if s.kind == "translator"] for p in plans]
    assert fits[0] == fits[1]


def test_other_translators_have_no_choice_of_cameras(
    registry: Registry, benchmark_: Benchmark
) -> None:
    request = Request(translator="toy", learner="toy")
    plain, set_ = (
        make_plan(registry, toy_benchmark(), request=request, **settings)
        for settings in ({}, {"rendering__cameras": "one"})
    )
    assert plain.learned.key == set_.learned.key
    direct = Request("direct", learner="toy")
    with pytest.raises(UsageError, match="'rendering' is no part of this run"):
        make_plan(registry, benchmark_, request=direct, rendering__cameras="one")


def test_a_learner_can_tell_translated_images_from_real_ones(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    outcome = run_plan(planned(registry, benchmark_), session)
    stage, fakes, _ = translated(outcome)
    assert isinstance(outcome.plan.learned, Learn)
    real = stage.fitted.source.open(outcome.artifact(stage.fitted.source).path)
    assert real.fake is None
    both = concatenated([real, fakes])
    assert both.fake is not None
    assert both.fake.tolist() == [False] * len(real) + [True] * len(fakes)
    batch = both.images(np.array([0, len(both) - 1]), session.hardware.device)
    assert batch.fake is not None
    assert batch.fake.tolist() == [False, True]
