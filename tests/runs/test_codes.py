"""Translators that take codes and move pixels: M translations of each image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from reidbench.config.benchmark import Benchmark
from reidbench.config.compose import Request
from reidbench.data.arrays import ImageArray, to_uint8
from reidbench.errors import UsageError
from reidbench.interfaces import Images, Warp
from reidbench.registry.registry import Registration, Registry
from reidbench.runs.plan import Plan
from reidbench.runs.recording import save_picture
from reidbench.runs.runner import Outcome, Session, run_plan
from reidbench.stages import FitTranslator, SpatialPreview, Translate, TranslateTest
from reidbench.testing.toy_runs import make_plan
from reidbench.testing.toys import ToyTranslator

REQUEST = Request(translator="moves", learner="toy", strategy="translated")
STEP = 0.25  # of the image's half width, for a code of 1


class Moves(ToyTranslator):
    """Moves every image to the right by its code, and paints nothing."""

    code_size = 1

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        if self.training:
            return super().translate(images, src, dst)
        warp = self.warp(images, src, dst, code)
        return F.grid_sample(images.pixels, warp.grid, padding_mode="border", align_corners=False)

    def warp(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Warp:
        shift = torch.zeros(len(images), 1) if code is None else STEP * code.tanh()
        theta = torch.eye(2, 3).repeat(len(images), 1, 1)
        theta[:, 0, 2] = -shift[:, 0]
        size = [len(images), 3, *images.pixels.shape[2:]]
        return Warp(shift, F.affine_grid(theta, size, align_corners=False))


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("codes")
    more.translator("moves", "tests.runs.test_codes:Moves")
    registry.add(more)
    return registry


def planned(registry: Registry, benchmark: Benchmark, codes: int = 1, **settings: Any) -> Plan:
    return make_plan(registry, benchmark, request=REQUEST, rendering__codes=codes, **settings)


def translated(outcome: Outcome) -> tuple[Translate, ImageArray, dict[str, NDArray[np.float32]]]:
    (stage,) = [s for s in outcome.plan.stages if isinstance(s, Translate)]
    folder = outcome.artifact(stage).path
    arrays = {name: np.load(folder / f"{name}.npy") for name in ("codes", "transforms", "domains")}
    return stage, stage.open(folder), arrays


def test_there_are_as_many_translations_as_codes_and_each_tells_its_code_and_transform(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    outcome = run_plan(planned(registry, benchmark_, 3), session)
    stage, fakes, arrays = translated(outcome)
    source = stage.fitted.source.open(outcome.artifact(stage.fitted.source).path)
    assert len(fakes) == 3 * len(source)
    assert fakes.pids.tolist() == source.pids.tolist() * 3
    assert arrays["codes"].shape == arrays["transforms"].shape == (3 * len(source), 1)
    assert set(arrays["domains"].tolist()) == {1}
    # All codes differ, and each image is moved by its own.
    assert len(np.unique(arrays["codes"])) == 3 * len(source)
    assert np.allclose(arrays["transforms"], STEP * np.tanh(arrays["codes"]), atol=1e-6)
    rows = np.arange(len(fakes)) % len(source)
    images = source.images(rows, torch.device("cpu"))
    moved = Moves().eval().translate(images, 0, 1, torch.from_numpy(arrays["codes"]))
    assert np.array_equal(to_uint8(moved), fakes.pixels)


def test_the_first_codes_are_the_same_however_many_there_are(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    one, three = (
        translated(run_plan(planned(registry, benchmark_, codes), session))[2]["codes"]
        for codes in (1, 3)
    )
    assert np.array_equal(three[: len(one)], one)
    assert abs(three.mean()) < 0.5
    assert 0.7 < three.std() < 1.3
    other = run_plan(make_plan(registry, benchmark_, 1, REQUEST, rendering__codes=1), session)
    assert not np.array_equal(translated(other)[2]["codes"], one)


def test_the_number_of_codes_is_part_of_the_recipe_and_trains_no_other_translator(
    registry: Registry, benchmark_: Benchmark
) -> None:
    plans = [planned(registry, benchmark_, codes) for codes in (1, 3)]
    assert len({p.recipe.digest for p in plans}) == 2
    assert plans[1].recipe.identity()["rendering"] == {"codes": 3}
    fits = [[s.key for s in p.stages if isinstance(s, FitTranslator)] for p in plans]
    assert fits[0] == fits[1]


def test_other_translators_take_no_codes(registry: Registry, benchmark_: Benchmark) -> None:
    plain = Request(translator="toy", learner="toy")
    with pytest.raises(UsageError, match=r"rendering\.codes=2: translator 'toy' takes no codes"):
        make_plan(registry, benchmark_, request=plain, rendering__codes=2)
    with pytest.raises(UsageError, match="codes"):
        planned(registry, benchmark_, 0)


def test_test_images_are_translated_by_the_mean_code(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    request = Request(translator="moves", learner="toy", direction="target-to-source")
    outcome = run_plan(make_plan(registry, benchmark_, request=request), session)
    for stage in outcome.plan.stages:
        if isinstance(stage, TranslateTest):
            real = stage.images.open(outcome.artifact(stage.images).path)
            fakes = stage.open(outcome.artifact(stage).path)
            assert np.array_equal(fakes.pixels, real.pixels)  # a code of zero moves nothing


def test_the_picture_shows_several_codes_and_what_moving_alone_does(
    registry: Registry, benchmark_: Benchmark, session: Session, tmp_path: Path
) -> None:
    outcome = run_plan(planned(registry, benchmark_), session)
    preview = outcome.plan.preview
    assert isinstance(preview, SpatialPreview)
    rows = np.load(outcome.artifact(preview).path / "rows.npy")
    assert preview.labels == (
        "source",
        "spatially adapted",
        *(f"adapted, code {k}" for k in (1, 2, 3)),
        "target",
    )
    assert len(rows) == len(preview.labels)
    _, moved, first, second, *_ = rows
    assert np.array_equal(moved, first)  # this translator paints nothing
    assert not np.array_equal(first, second)
    assert save_picture(outcome, tmp_path / "sheet.png")
