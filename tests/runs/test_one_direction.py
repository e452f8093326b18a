"""Translators that can translate in one direction alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request
from reidbench.engine.descent import descend
from reidbench.errors import ReidbenchError, UsageError
from reidbench.interfaces import (
    Batch,
    Clock,
    Context,
    ExtraLoss,
    Hop,
    Hops,
    Images,
    Log,
    domain_index,
)
from reidbench.registry.registry import Registration, Registry
from reidbench.runs.figures import distribution_of
from reidbench.runs.plan import Plan
from reidbench.runs.recording import result_of, save_picture
from reidbench.runs.runner import Session, run_plan
from reidbench.stages import Preview
from reidbench.testing.toy_runs import make_plan, toy_benchmark
from reidbench.testing.toys import ToyTranslator

HERE = "tests.runs.test_one_direction"
THERE, BACK = "source-to-target", "target-to-source"


class There(ToyTranslator):
    """One generator, from the source to the target; asked for the other way it fails."""

    directions: ClassVar[frozenset[str]] = frozenset({THERE})
    provides: ClassVar[frozenset[str]] = frozenset()  # type: ignore[misc]
    ends: ClassVar[tuple[int, int]] = (0, 1)

    def setup(self, ctx: Context) -> None:
        self.generator = nn.Conv2d(3, 3, 1)
        self.adam = torch.optim.Adam(self.parameters(), self.lr)

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        both = batch.source, batch.target
        images, style = (both[end] for end in self.ends)
        dst = domain_index(len(images), self.ends[1], images.pixels.device)
        hop = Hop(images, self.translate(images, *self.ends), style.pixels, dst)
        colour = F.mse_loss(hop.fake.mean((0, 2, 3)), hop.style.mean((0, 2, 3)))
        extra = extra_loss((hop,))
        self.report_losses({"colour": colour}, hop.drawn)
        descend(self.adam, colour + extra)
        return (hop,), {"colour": colour.detach()}

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        if (src, dst) != self.ends:
            raise AssertionError(f"asked to translate {src} to {dst}")
        return torch.tanh(self.generator(images.pixels))


class Back(There):
    """The same from the target to the source."""

    directions: ClassVar[frozenset[str]] = frozenset({BACK})
    ends: ClassVar[tuple[int, int]] = (1, 0)


class Nowhere(ToyTranslator):
    """Names a direction that there is not."""

    directions: ClassVar[frozenset[str]] = frozenset({"to-target"})


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("one-way")
    for kind in (There, Back, Nowhere):
        more.translator(kind.__name__.lower(), f"{HERE}:{kind.__name__}")
    registry.add(more)
    return registry


def rendered() -> Benchmark:
    few = {"ids": 4, "cameras": 2, "images_per_camera": 2, "height": 32, "width": 16}
    specs = [DatasetSpec("synthetic", values) for values in (few, {**few, "domain": "d"})]
    toy = vars(toy_benchmark())
    return Benchmark(**{**toy, "source": specs[0], "target": specs[1], "image_size": (32, 16)})


def planned(registry: Registry, translator: str, direction: str, *constraints: str) -> Plan:
    request = Request(None, translator, constraints, "toy", direction=direction)
    return make_plan(registry, rendered(), request=request)


@pytest.mark.parametrize(("translator", "direction"), [("there", THERE), ("back", BACK)])
def test_a_translator_of_one_direction_goes_through_a_whole_run(
    registry: Registry, session: Session, tmp_path: Path, translator: str, direction: str
) -> None:
    outcome = run_plan(planned(registry, translator, direction, "kept"), session)
    result = result_of(outcome, datetime.now(UTC))
    truth: Any = result.translation["truth"]
    assert truth["images"] > 0
    assert result.cost["translation"]["flops_an_image"] > 0
    assert result.training["gradient_shares"]
    assert save_picture(outcome, tmp_path / "sheet.png")


def test_the_picture_shows_nothing_translated_back(registry: Registry, session: Session) -> None:
    outcome = run_plan(planned(registry, "there", THERE), session)
    preview = outcome.plan.preview
    assert preview
    labels = ("source", "truth", "translated", "target")
    assert preview.labels == labels
    assert outcome.artifact(preview).manifest["labels"] == list(labels)
    toys = planned(registry, "toy", THERE).preview
    assert isinstance(toys, Preview)
    assert toys.values() == {"columns": 8, "truth": True}  # keys are older than directions


@pytest.mark.parametrize(("translator", "direction"), [("there", BACK), ("back", THERE)])
def test_a_direction_that_a_translator_lacks_is_refused_and_the_other_named(
    registry: Registry, translator: str, direction: str
) -> None:
    other = THERE if direction == BACK else BACK
    with pytest.raises(UsageError, match=f"not translate {direction}.* {other} alone"):
        planned(registry, translator, direction)


def test_a_direction_that_does_not_exist_is_the_authors_mistake(registry: Registry) -> None:
    with pytest.raises(ReidbenchError, match=r"'nowhere' of plugin 'one-way'.*\['to-target'\]"):
        planned(registry, "nowhere", THERE)


def test_no_figure_asks_for_the_other_direction(registry: Registry) -> None:
    plan = planned(registry, "there", THERE)
    with pytest.raises(UsageError, match="'there' translates nothing to the source"):
        distribution_of(plan, of="target")
    assert distribution_of(plan).translated
