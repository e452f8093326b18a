"""What makes a score say less than it seems to is planted, and warned of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from torch import Tensor, nn
from torch.nn import functional as F

from reidbench.config.compose import Request
from reidbench.interfaces import Batch, Clock, ExtraLoss, FeatureLearner, Hops, Images, Log
from reidbench.registry.registry import Registration
from reidbench.results.leaderboard import build
from reidbench.results.leaderboard_tables import markdown
from reidbench.results.result import Result, load
from reidbench.runs.recording import result_of
from reidbench.runs.runner import Finished, run_plan
from reidbench.runs.warnings import _of_learner, _of_truth
from reidbench.testing.toy_runs import make_plan, make_session, toy_benchmark, toy_registry
from reidbench.testing.toys import ToyConstraint, ToyLearner, ToyTranslator

LONG = {"steps": 60, "batch": 4}


class Settled(ToyTranslator):
    """Tells losses that have come to rest."""

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        hops, _ = super().training_step(batch, extra_loss, clock)
        return hops, self.told(clock)

    def told(self, clock: Clock) -> Log:
        return {"cycle": 1.0 + clock.step % 2, "discriminators": 0.3}


class Falling(Settled):
    """Tells a cycle loss that falls to the end."""

    def told(self, clock: Clock) -> Log:
        return {"cycle": 1.1 - clock.step / clock.steps}


class Rivals(Settled):
    """Tells an adversarial loss that falls, as it does for ever."""

    def told(self, clock: Clock) -> Log:
        return {"adversarial": 1.1 - clock.step / clock.steps}


class Beaten(Settled):
    """Has a discriminator that tells every image apart."""

    chance_losses = {"discriminators": 0.5}  # noqa: RUF012

    def told(self, clock: Clock) -> Log:
        return {"discriminators": 0.5 if clock.step < clock.steps - 20 else 0.08}


class Losing(Settled):
    """Has a discriminator that tells most images apart, as those of a trained translator do."""

    chance_losses = {"discriminators": 0.5}  # noqa: RUF012

    def told(self, clock: Clock) -> Log:
        return {"discriminators": 0.15}


class Idle(Settled):
    """Returns its input."""

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        return images.pixels + 0 * self.there.weight.sum()


class Able(ToyLearner):
    """Learns persons of the toy dataset by heart."""

    def __init__(self) -> None:
        super().__init__(epochs=150, lr=0.3)


class Dull(ToyLearner):
    """Learns nothing: all persons look alike to it."""

    def classify(self, model: nn.Module, pixels: Tensor) -> Tensor:
        return super().classify(model, 0 * pixels)


class Nameless(Able):
    """Names nobody."""

    def classify(self, model: nn.Module, pixels: Tensor) -> Tensor:
        return FeatureLearner.classify(self, model, pixels)

    def loss(self, model: nn.Module, pixels: Tensor, pid: Tensor) -> Tensor:
        return F.cross_entropy(super().classify(model, pixels), pid)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planted")


class Off(ToyConstraint):
    """Has a loss of no gradient."""

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        return {name: 0 * term + 1 for name, term in super().losses(hops, clock).items()}


class Weak(ToyConstraint):
    """Weighs next to nothing."""

    def __init__(self) -> None:
        super().__init__(weight=1e-6)


class Strong(ToyConstraint):
    """Outweighs everything else."""

    def __init__(self) -> None:
        super().__init__(weight=1e6)

    def update(self, hops: Hops, clock: Clock) -> Log:
        return {}


@cache
def result(
    folder: Path, translator: str = "Settled", learner: str = "Able", constraint: str = ""
) -> Result:
    """Return the result of a run of components of this module, made once."""
    registry = toy_registry()
    planted = Registration("planted")
    planted.translator("planted", f"{__name__}:{translator}")
    planted.learner("planted", f"{__name__}:{learner}")
    if constraint:
        planted.constraint("limit", f"{__name__}:{constraint}")
    registry.add(planted)
    limits = ["limit"] if constraint else []
    request = Request(translator="planted", constraints=limits, learner="planted")
    plan = make_plan(registry, toy_benchmark(budget=LONG), request=request)
    session = make_session(folder / f"{translator}-{learner}-{constraint}")
    return result_of(run_plan(plan, session), datetime.now(UTC))


def test_a_run_with_nothing_wrong_warns_of_nothing(folder: Path) -> None:
    found = result(folder)
    assert found.warnings == []
    assert "warnings" not in found.to_dict()


@pytest.mark.parametrize(
    ("translator", "warning"),
    [
        (
            "Falling",
            "still improving at the end: over the last tenth of the steps fell 'cycle'",
        ),
        ("Beaten", "discriminator saturated: 'discriminators' ended at 0.08, where 0.5 is a"),
        ("Idle", "the translator returns its input: pixels change by 0.00 levels of 255"),
    ],
)
def test_a_translator_that_is_not_trained_is_told(
    folder: Path, translator: str, warning: str
) -> None:
    (found,) = result(folder, translator).warnings
    assert found.startswith(warning)


@pytest.mark.parametrize("translator", ["Rivals", "Losing"])
def test_players_of_a_game_may_fall_and_rise(folder: Path, translator: str) -> None:
    assert result(folder, translator).warnings == []


@pytest.mark.parametrize(
    ("translator", "constraint", "warning"),
    [
        ("Settled", "Off", "constraint 'limit' reaches no generator: its gradient at the "),
        ("Settled", "Weak", "constraint 'limit' is drowned: at most "),
        ("Settled", "Strong", "constraint 'limit' drowns the other losses: on average "),
    ],
)
def test_a_constraint_without_effect_or_with_too_much_is_told(
    folder: Path, translator: str, constraint: str, warning: str
) -> None:
    (found,) = result(folder, translator, constraint=constraint).warnings
    assert found.startswith(warning)


def test_a_constraint_in_its_place_is_no_cause(folder: Path) -> None:
    assert result(folder, constraint="ToyConstraint").warnings == []


def test_a_learner_at_chance_is_told_with_what_guessing_would_do(folder: Path) -> None:
    found = result(folder, learner="Dull").warnings
    assert [w.partition(":")[0] for w in found] == ["learner at chance"] * 2
    assert "17 % of its own training images right, guessing would name 17 %" in found[0]


def test_a_learner_that_names_nobody_is_no_cause(folder: Path) -> None:
    assert result(folder, learner="Nameless").warnings == []


@pytest.mark.parametrize(
    ("accuracy", "warned"),
    [(0.04, "learner at chance"), (0.3, "learner far below its training ceiling"), (0.5, "")],
)
def test_learners_are_told_apart_by_their_own_training_images(accuracy: float, warned: str) -> None:
    item = SimpleNamespace(stage=SimpleNamespace(title="learn"))
    found = list(_of_learner(cast(Finished, item), {"accuracy": accuracy, "persons": 50}))
    assert [w.partition(":")[0] for w in found] == ([warned] if warned else [])


def test_warnings_come_back_from_the_file_and_stand_on_the_leaderboard(folder: Path) -> None:
    saved = load(result(folder, "Idle").save(folder / "results"))
    (warning,) = saved.warnings
    fine = replace(saved, warnings=[], recipe={**saved.recipe, "name": "fine", "digest": "f" * 32})
    page = markdown(build([saved, replace(saved, seed=1), fine, replace(fine, seed=1)]))
    assert "| planted+planted (!) |" in page
    assert "| fine |" in page
    assert f"| planted+planted | {warning} |" in page


def test_a_leaderboard_without_warnings_has_no_table_of_them(folder: Path) -> None:
    found = result(folder)
    assert "### Warnings" not in markdown(build([found, replace(found, seed=1)]))


@pytest.mark.parametrize(
    ("person", "corners", "warned"),
    [
        (41.0, 0.1, []),
        (
            45.0,
            0.1,
            ["persons are farther from the truth than untranslated ones: by 45 a"],
        ),
        (40.0, 0.6, ["its transforms are farther from the true ones than leaving pixels where"]),
    ],
)
def test_translations_that_harm_are_told_by_the_truth(
    person: float, corners: float, warned: list[str]
) -> None:
    truth = {
        "person": {"rmse": person},
        "untranslated": {"person": {"rmse": 40.0}},
        "transforms": {"error": corners, "identity": 0.2},
    }
    found = list(_of_truth(truth))
    assert len(found) == len(warned)
    assert all(f.startswith(w) for f, w in zip(found, warned, strict=True))


def test_transforms_that_cannot_be_compared_are_no_cause() -> None:
    truth = {"person": {"rmse": 1.0}, "untranslated": {"person": {"rmse": 1.0}}}
    assert not list(_of_truth({**truth, "transforms": None}))
    assert not list(_of_truth(truth))
