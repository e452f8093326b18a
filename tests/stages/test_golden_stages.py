"""What the stages of a run of toys write, in numbers.

The engine's loops have golden tests of their own; these show which seeds, names and images the
stages give them. Where a number moves and the toys are as they were, the ``version`` of its stage
has to rise, lest artifacts of before pass for those of now.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import Tensor

from reidbench.config.benchmark import Benchmark
from reidbench.config.compose import Request, compose
from reidbench.interfaces import Images
from reidbench.registry.registry import Registration, Registry
from reidbench.runs.plan import plan
from reidbench.runs.runner import Session, run_plan
from reidbench.runs.setting import open_setting
from reidbench.stages import (
    Embed,
    FitTranslator,
    Learn,
    LearnMasks,
    Masked,
    Preview,
    SpatialPreview,
    Translate,
    TranslateTest,
)
from reidbench.testing.toys import ToyTranslator

SEED = 3
VERSIONS = {
    FitTranslator: 1,
    Translate: 1,
    TranslateTest: 2,
    Learn: 1,
    LearnMasks: 1,
    Masked: 1,
    Embed: 2,
    Preview: 1,
    SpatialPreview: 1,
}


class Drawing(ToyTranslator):
    """Takes a code, and draws in translating too."""

    code_size = 2

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        moved = 0.7 * super().translate(images, src, dst) + 0.1 * dst
        if self.training:
            return moved
        shift = torch.zeros(len(moved)) if code is None else 0.05 * code.mean(1)
        return moved + 0.1 * torch.rand(len(moved), 1, 1, 1) + shift[:, None, None, None]


class PerCamera(Drawing):
    split: ClassVar[Literal["dataset", "camera"]] = "camera"
    code_size = 0


class ReadsMasks(ToyTranslator):
    needs = frozenset({"mask"})


SHOWN = VERSIONS.keys() - {LearnMasks}  # what it learned shows in the masks that are made
UNET = {"domains": ["a"], "ids": 4, "width": 2, "depth": 2, "epochs": 1, "batch": 8}
REQUESTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "usual": ("toy", {}, {}),
    "codes": ("drawing", {}, {"rendering.codes": 2}),
    "cameras": ("per-camera", {}, {"rendering.cameras": "one"}),
    "tests": ("drawing", {"direction": "target-to-source"}, {}),
    "masks": ("reads-masks", {"masks": "unet"}, {f"unet.{k}": v for k, v in UNET.items()}),
}


def numbers_of(folder: Path) -> Iterator[float]:
    """Yield the weighted mean of every array of an artifact, in the order of their names."""
    for path in sorted(folder.glob("*.npy")):
        yield weighed(np.load(path))
    for path in sorted(folder.glob("*.safetensors")):
        for _, array in sorted(load_file(path).items()):
            yield weighed(array)


def weighed(array: Any) -> float:
    """Return a mean that every value, and its place, has a share in."""
    values = np.asarray(array, np.float64).ravel()
    return float((values * (1 + np.cos(np.arange(len(values))))).mean())


@pytest.fixture
def written(
    registry: Registry, benchmark_: Benchmark, session: Session, request: pytest.FixtureRequest
) -> dict[str, list[float]]:
    """Return the numbers of each stage of a run, by its title."""
    more = Registration("golden")
    more.translator("drawing", f"{__name__}:Drawing")
    more.translator("per-camera", f"{__name__}:PerCamera")
    more.translator("reads-masks", f"{__name__}:ReadsMasks")
    registry.add(more)
    translator, asked, settings = REQUESTS[request.param]
    named = Request(translator=translator, constraints=["kept"], learner="toy", **asked)
    recipe = compose(named, benchmark_, registry, settings)
    setting = open_setting(benchmark_, registry, None, {})
    outcome = run_plan(plan(recipe, setting, SEED, "float32"), session)
    found = {}
    for stage in outcome.plan.stages:
        if isinstance(stage, tuple(SHOWN)):
            found[stage.title] = [*numbers_of(outcome.artifact(stage).path)]
    return found


def test_the_versions_are_those_of_the_numbers_below() -> None:
    assert {stage: stage.version for stage in VERSIONS} == VERSIONS


@pytest.mark.parametrize("written", REQUESTS, indirect=True)
def test_every_stage_writes_the_recorded_numbers(
    written: dict[str, list[float]], request: pytest.FixtureRequest
) -> None:
    recorded = RECORDED[request.node.callspec.params["written"]]
    assert list(written) == list(recorded)
    for title, numbers in written.items():
        assert numbers == pytest.approx(recorded[title], rel=1e-3, abs=1e-4), (
            f"'{title}' has moved: raise the version of its stage, then record anew"
        )


RECORDED: dict[str, dict[str, tuple[float, ...]]] = {
    "usual": {
        "train toy+kept": (-0.3041318, -0.08877532, -0.3826843, 0.3446176),
        "translate toy:a train": (0.4569402, 0.9774619, 3.237844, 87.32719),
        "learn toy on real images": (0.06318393, -0.1569834, -0.1444165, -0.0006107823),
        "fine-tune toy on translated images": (0.007778554, -0.219487, -0.1863662, -0.001825264),
        "embed toy:b query and gallery": (
            *(0.4734308, -0.1838752, 8.808768, 0.4734308, -0.1838827, 8.808768),
        ),
        "draw examples": (113.8762,),
    },
    "codes": {
        "train drawing+kept": (0.2025881, -0.1923708, 0.071179, 0.04175968),
        "translate toy:a train": (0.4706335, 0.2650347, 1.002436, 3.332208, 157.0468),
        "learn toy on real images": (0.06318393, -0.1569834, -0.1444165, -0.0006107823),
        "fine-tune toy on translated images": (0.0880342, -0.2299507, -0.08529748, 0.006406786),
        "embed toy:b query and gallery": (
            *(0.4734308, -0.07063859, 8.808768, 0.4734308, -0.07049469, 8.808768),
        ),
        "draw examples": (134.9487,),
    },
    "cameras": {
        "train per-camera+kept": (-0.1652149, 0.06221029, 0.09550743, -0.08392149),
        "translate toy:a train": (0.4569402, 1.604025, 3.237844, 164.5474),
        "learn toy on real images": (0.06318393, -0.1569834, -0.1444165, -0.0006107823),
        "fine-tune toy on translated images": (0.09340534, -0.1508627, -0.07531756, -0.003900557),
        "embed toy:b query and gallery": (
            *(0.4734308, -0.04398037, 8.808768, 0.4734308, -0.04393, 8.808768),
        ),
        "draw examples": (131.5374,),
    },
    "tests": {
        "learn toy on real images": (0.06318393, -0.1569834, -0.1444165, -0.0006107823),
        "train drawing+kept": (0.2025881, -0.1923708, 0.071179, 0.04175968),
        "translate toy:b query to the source": (0.4734308, 8.808768, 132.9107),
        "translate toy:b gallery to the source": (0.4734308, 8.808768, 130.6763),
        "embed toy:b query and gallery": (
            *(0.4734308, 0.02522033, 8.808768, 0.4734308, 0.01637443, 8.808768),
        ),
        "draw examples": (136.4736,),
    },
    "masks": {
        "mask toy:a train by unet": (0.4569402, 173.5662, 3.237844, 101.9361),
        "mask toy:b train by unet": (0.4569402, 173.7299, 3.237844, 140.6603),
        "train reads-masks+kept": (-0.1210023, 0.09209902, 0.3300739, -0.06746262),
        "translate toy:a train": (0.4569402, 0.9774619, 3.237844, 155.7492),
        "learn toy on real images": (0.06318393, -0.1569834, -0.1444165, -0.0006107823),
        "fine-tune toy on translated images": (0.09139422, -0.134839, -0.07507882, 0.0002738022),
        "embed toy:b query and gallery": (
            *(0.4734308, -0.04372208, 8.808768, 0.4734308, -0.04366652, 8.808768),
        ),
        "draw examples": (130.4557,),
    },
}
