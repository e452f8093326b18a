"""Constraints that start from a source-trained model, and runs that score what they made of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from reidbench.config.compose import Request
from reidbench.errors import UsageError
from reidbench.interfaces import FeatureLearner
from reidbench.registry.registry import Registration, Registry
from reidbench.runs.recording import result_of
from reidbench.runs.runner import Session, run_plan
from reidbench.testing.toy_runs import TOYS, make_plan, toy_benchmark
from reidbench.testing.toys import ToyConstraint, ToyLearner

HERE = "tests.stages.test_joint_model"
JOINT = Request(translator="toy", constraints=["joint"], learner="toy", strategy="joint")


class Silent(ToyLearner):
    """Tells nobody its loss."""

    loss = FeatureLearner.loss


class Guided(ToyConstraint):
    """Asks for the model of a learner by name."""

    source_learner: ClassVar[str] = "guide"


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("joint")
    more.constraint("joint", f"{TOYS}:ToyJoint")
    more.constraint("second", f"{TOYS}:ToyJoint")
    more.constraint("guided", f"{HERE}:Guided")
    more.learner("guide", f"{TOYS}:ToyLearner")
    more.learner("silent", f"{HERE}:Silent")
    registry.add(more)
    return registry


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[k], second[k]) for k in first)


def test_the_joint_model_starts_from_the_source_and_is_scored(
    session: Session, registry: Registry
) -> None:
    outcome = run_plan(make_plan(registry, toy_benchmark(), request=JOINT), session)
    kinds = [s.kind for s in outcome.plan.stages]
    assert kinds.count("learn") == kinds.count("joint") == 1
    direct = make_plan(registry, toy_benchmark(), request=Request("direct", learner="toy"))
    start = load_file(outcome.finished[direct.learned.key].artifact.path / "model.safetensors")
    joint = load_file(outcome.artifact(outcome.plan.learned).path / "model.safetensors")
    assert joint.keys() == start.keys()
    assert not same(joint, start)
    result = result_of(outcome, datetime.now(UTC))
    assert result.measure("mAP") > 0
    assert result.recipe["provenance"] == {"weights": "random initialisation"}
    assert result.recipe["source_learners"]["joint"]["name"] == "toy"


def test_its_settings_move_the_joint_training(registry: Registry) -> None:
    keys = {
        make_plan(registry, toy_benchmark(), request=JOINT, **settings).learned.key
        for settings in ({}, {"toy__lr": 0.02}, {"budget__steps": 7})
    }
    assert len(keys) == 3


def test_a_learner_asked_for_by_name_has_settings_of_its_own(registry: Registry) -> None:
    request = Request(translator="toy", constraints=["guided"], learner="toy")
    planned = make_plan(registry, toy_benchmark(), request=request, guide__epochs=9)
    learns = {s.learner.name: s for s in planned.stages if s.kind == "learn" and not s.start}
    assert learns["guide"].learner.parameters["epochs"] == 9
    assert learns["toy"].learner.parameters["epochs"] == 4


SILENT = r"'silent' does not implement loss\(\); constraint 'joint' trains against the learner"


@pytest.mark.parametrize(
    ("constraints", "learner", "strategy", "message"),
    [
        (["kept"], "toy", "joint", "none of this run makes one"),
        (["joint", "second"], "toy", "joint", "joint, second each make one"),
        (["joint"], "silent", "joint", SILENT),
        (["joint"], "silent", "finetune", SILENT),
    ],
)
def test_what_cannot_be_joint(
    registry: Registry, constraints: list[str], learner: str, strategy: str, message: str
) -> None:
    request = Request(translator="toy", constraints=constraints, learner=learner, strategy=strategy)
    with pytest.raises(UsageError, match=message):
        make_plan(registry, toy_benchmark(), request=request)
