"""Learning from the target's images between its cameras."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import pytest
from torch import Tensor, nn

from reidbench.config.compose import Request
from reidbench.data.arrays import ImageArray, TargetViews
from reidbench.engine.loop import Loop
from reidbench.errors import ReidbenchError, UsageError
from reidbench.interfaces import UNLABELLED, Images
from reidbench.registry.registry import Registration, Registry
from reidbench.runs.plan import Plan
from reidbench.runs.runner import Session, run_plan
from reidbench.stages import Learn, TranslateViews
from reidbench.testing.toy_runs import make_plan, toy_benchmark
from reidbench.testing.toys import ToyLearner, ToyTranslator

HERE = "tests.runs.test_views"
SEEN: list[TargetViews] = []


class Cameras(ToyTranslator):
    """Shows by an image's brightness the domains that it comes from and goes to."""

    split: ClassVar[Literal["dataset", "camera"]] = "camera"
    between_cameras: ClassVar[bool] = True

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        return super().translate(images, src, dst) * 0 + (10 * src + dst) / 100


class Apart(Cameras):
    """Translates to the source's side and back alone."""

    between_cameras: ClassVar[bool] = False


class Adapting(ToyLearner):
    """Keeps what it was shown of the target."""

    def adapt(self, model: nn.Module, source: ImageArray, target: TargetViews, loop: Loop) -> None:
        SEEN.append(target)
        self.fit(model, source, loop)


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("views")
    more.translator("cameras", f"{HERE}:Cameras")
    more.translator("apart", f"{HERE}:Apart")
    more.learner("adapting", f"{HERE}:Adapting")
    registry.add(more)
    return registry


def planned(
    registry: Registry, translator: str = "cameras", learner: str = "adapting", **settings: object
) -> Plan:
    request = Request(None, translator, (), learner, strategy="source+views")
    return make_plan(registry, toy_benchmark(), request=request, **settings)


def test_the_learner_sees_the_target_in_every_camera_and_nobodys_identity(
    registry: Registry, session: Session
) -> None:
    SEEN.clear()
    outcome = run_plan(planned(registry), session)
    learned = outcome.plan.learned
    assert isinstance(learned, Learn)
    assert isinstance(learned.views, TranslateViews)
    target = SEEN[-1]
    assert len(target) == 24
    assert len(target.views) == 48
    assert {*target.images.pids.tolist(), *target.views.pids.tolist()} == {UNLABELLED}
    levels = (np.unique(target.views.pixels) / 127.5 - 1) * 100
    assert levels.round().tolist() == [11, 12, 21, 22]
    src, dst = np.divmod(((target.views.pixels[:, 0, 0, 0] / 127.5 - 1) * 100).round(), 10)
    assert src.tolist() == [*(1 + target.images.cams).tolist()] * 2
    assert dst.tolist() == [1] * 24 + [2] * 24


def test_it_learns_from_the_source_and_what_translates_the_target(registry: Registry) -> None:
    learned = planned(registry).learned
    kinds = [stage.kind for stage in learned.inputs]
    assert kinds == ["decode", "translate-views", "decode"]
    source, _, target = learned.inputs
    assert source.key != target.key
    assert "between its cameras" in learned.title


@pytest.mark.parametrize(
    ("translator", "learner", "message"),
    [
        ("apart", "adapting", "'apart' does not do"),
        ("toy", "adapting", "'toy' does not do"),
        ("cameras", "toy", "learner 'toy' does not implement adapt"),
        ("none", "adapting", "needs a translator"),
    ],
)
def test_parts_that_cannot_are_refused(
    registry: Registry, translator: str, learner: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        planned(registry, translator, learner)


def test_groups_of_cameras_are_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match="leave perspective at one group"):
        planned(registry, perspective__target=[[0], [1]])


def test_a_learner_without_adapt_says_who_needs_it() -> None:
    none = np.zeros(0, dtype=np.int64)
    empty = ImageArray(np.zeros((0, 2, 2, 3), dtype=np.uint8), none, none)
    with pytest.raises(ReidbenchError, match=r"ToyLearner does not implement adapt\(\)"):
        ToyLearner().adapt(nn.Identity(), empty, TargetViews(empty, empty), None)  # type: ignore[arg-type]
