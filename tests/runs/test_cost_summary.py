"""Networks, parameters and FLOPs against hand counts; counting leaves the training as it is."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from reidbench.engine import flops as cost
from reidbench.engine.loop import Loop
from reidbench.interfaces import Clock, Context, Images, Log, Trainable
from reidbench.nn.networks import Networks
from reidbench.registry.registry import Registration, Registry
from reidbench.runs import cost_summary as accounting
from reidbench.runs.plan import Plan
from reidbench.runs.recording import result_of
from reidbench.runs.runner import Outcome, Session, run_plan
from reidbench.testing.toy_runs import (
    CPU,
    Request,
    make_plan,
    make_session,
    toy_benchmark,
    toy_plan,
)
from reidbench.testing.toys import ToyConstraint, ToyLearner, ToyTranslator

CONTEXT = Context((16, 8), 6, 2, torch.device("cpu"))

# 16x8 pixels through a 1x1 convolution of 3 to 3 channels, two FLOPs a multiplication; batch 4.
PASS = 2 * 9 * 16 * 8 * 4
# The same from 3 to 4 channels, of the constraint's network.
KEPT = 2 * 12 * 16 * 8 * 4
# Both generators forwards; weights' gradients of both, and the gradient of what lies between.
TRANSLATOR_STEP = 2 * PASS + 3 * PASS
# losses: two passes and the gradient of one's image; update: two passes, two weights' gradients.
CONSTRAINT_STEP = 3 * KEPT + 4 * KEPT


class Rested(ToyTranslator):
    """Rests at every second step, and for the first half of the training altogether."""

    def training_step(self, batch: Any, extra_loss: Any, clock: Clock) -> Any:
        made = super()._hop(batch)
        if clock.progress < 0.5 or clock.step % 2:
            return (made,), {}
        return super().training_step(batch, extra_loss, clock)


class Uncopied(ToyConstraint):
    """Cannot be copied."""

    def __deepcopy__(self, memo: object) -> Uncopied:
        raise TypeError("not mine")


class Holder(Trainable):
    """Holds networks in a list and in a component of its own, one of them twice."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 3)])
        self.again = self.pair[0]
        self.inner = ToyTranslator()
        self.inner.setup(CONTEXT)
        self.fixed = nn.Linear(5, 5).requires_grad_(False)
        self.offset = nn.Parameter(torch.zeros(7))
        self.sgd = torch.optim.SGD([*self.pair.parameters(), self.offset], 0.1)


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("cost")
    more.translator("rested", f"{__name__}:Rested")
    more.constraint("uncopied", f"{__name__}:Uncopied")
    registry.add(more)
    return registry


def cost_of(outcome: Outcome) -> dict[str, Any]:
    return accounting.cost_of(outcome)


def test_a_toys_networks_parameters_and_flops(session: Session) -> None:
    found = cost_of(run_plan(toy_plan(), session))
    assert found["translation"] == {
        "networks": 3,
        "parameters": 12 + 12 + 16,
        "fixed_networks": 0,
        "fixed_parameters": 0,
        "steps": 6,
        "batch": 4,
        "flops_a_step": TRANSLATOR_STEP + CONSTRAINT_STEP,
        "networks_at_test": 1,
        "parameters_at_test": 12,
        "flops_an_image": PASS // 4,
    }
    # Linear layers 3 to 8 to 6, batch 8: forwards, weights' gradients, and that of 8 features.
    step = 2 * 8 * (24 + 48) * 2 + 2 * 8 * 48
    assert [(t["steps"], t["flops_a_step"], t["parameters"]) for t in found["learning"]] == [
        (12, step, 32 + 54)
    ] * 2
    assert found["embedding"] == {"parameters": 32, "flops_an_image": 48, "dimensions": 8}
    whole = 6 * (TRANSLATOR_STEP + CONSTRAINT_STEP) + 2 * 12 * step
    assert found["training_flops"] == whole


def test_direct_transfer_costs_no_translation(session: Session, registry: Registry) -> None:
    plan = make_plan(registry, toy_benchmark(), request=Request("direct", learner="toy"))
    found = cost_of(run_plan(plan, session))
    assert found["translation"] == dict.fromkeys(accounting.NO_TRANSLATION, 0)
    assert len(found["learning"]) == 1
    assert found["training_flops"] == 12 * found["learning"][0]["flops_a_step"]


def test_mirrored_images_cost_twice(session: Session) -> None:
    found = cost_of(run_plan(toy_plan(embedding__flip=True), session))
    assert found["embedding"]["flops_an_image"] == 2 * 48


def test_steps_at_rest_have_their_share_and_warm_up_has_none(
    session: Session, registry: Registry
) -> None:
    request = Request(translator="rested", constraints=[], learner="toy")
    plan = make_plan(registry, toy_benchmark(), request=request, budget__steps=40)
    step = cost_of(run_plan(plan, session))["translation"]["flops_a_step"]
    assert step == 2 * PASS + TRANSLATOR_STEP / 2


def test_parts_that_do_not_learn_and_parts_that_are_shared() -> None:
    holder = Holder()
    found = cost.networks({"holder": holder, "other": holder.inner})
    assert found == {
        "holder": cost.Network(7, 7),
        "holder.pair.0": cost.Network(6, 6),
        "holder.pair.1": cost.Network(9, 9),
        "holder.inner.there": cost.Network(12, 12),
        "holder.inner.back": cost.Network(12, 12),
        "holder.fixed": cost.Network(30, 0),
    }


def test_flops_of_convolution_and_linear_layer_by_hand() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Flatten(), nn.Linear(48, 5))
    found = cost.of_embedding(module, torch.zeros(1, 3, 8, 6))
    flops = 2 * (4 * 3) * (3 * 4 * 9) + 2 * 48 * 5
    assert found == {"parameters": 3 * 4 * 9 + 4 + 48 * 5 + 5, "flops_an_image": flops}


def test_a_classifier_is_no_part_of_the_embedder() -> None:
    model = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 6)).requires_grad_(False)
    learner = ToyLearner()

    class Embeds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixels: Tensor) -> Tensor:
            return learner.embed(self.model, pixels)

    assert cost.of_embedding(Embeds(), torch.zeros(1, 3, 4, 4))["parameters"] == 32
    assert not any(p.requires_grad for p in model.parameters())


def weights(plan: Plan, session: Session) -> dict[str, Any]:
    outcome = run_plan(plan, session)
    kinds = ("translator", "translate", "learn", "embed", "evaluate")
    found = [s for s in plan.stages if s.kind in kinds]
    return {
        s.key: {n: f["sha256"] for n, f in outcome.artifact(s).manifest["files"].items()}
        for s in found
    }


def test_training_is_bit_identical_with_and_without_counting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_counting = weights(toy_plan(), make_session(tmp_path / "with"))
    unknown = {"steps": None, "flops_a_step": None}
    monkeypatch.setattr("reidbench.stages.learn.of_training", lambda *_: unknown)
    monkeypatch.setattr("reidbench.stages.fit_translator.of_translation", lambda *_: unknown)
    monkeypatch.setattr("reidbench.stages.score.of_embedding", lambda *_: {})
    assert weights(toy_plan(), make_session(tmp_path / "without")) == with_counting


def test_counting_touches_neither_weights_nor_random_numbers(tmp_path: Path) -> None:
    translator, constraint = ToyTranslator(), ToyConstraint()
    translator.setup(CONTEXT)
    constraint.setup(CONTEXT)
    before = copy.deepcopy([m.state_dict() for m in (translator, constraint)])
    rng = torch.get_rng_state()
    image = Images(torch.zeros(1, 3, 16, 8), torch.zeros(1), torch.zeros(1))

    def train(translator: Any, constraints: Any, *, loop: Loop) -> None:
        torch.rand(3)

        def step(clock: Clock) -> Log:
            loss = translator.there(torch.rand(1, 3, 16, 8)).sum()
            translator.adam.zero_grad()
            loss.backward()
            translator.adam.step()
            return {}

        loop.run(30, step, {})

    found = cost.of_translation(
        translator, {"kept": constraint}, train, image, 2, Loop(tmp_path, 0, CPU)
    )
    assert found["steps"] == 30
    after = [m.state_dict() for m in (translator, constraint)]
    for old, new in zip(before, after, strict=True):
        assert all(torch.equal(old[k], new[k]) for k in old)
    assert torch.equal(torch.get_rng_state(), rng)
    assert translator.adam.state == {}
    assert all(p.grad is None for p in translator.parameters())
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_copied_is_unknown_and_trains_all_the_same(
    session: Session, registry: Registry
) -> None:
    request = Request(translator="toy", constraints=["uncopied"], learner="toy")
    found = cost_of(run_plan(make_plan(registry, toy_benchmark(), request=request), session))
    assert found["translation"]["flops_a_step"] is None
    assert found["translation"]["parameters"] == 40
    assert found["training_flops"] is None


def test_artifacts_of_an_earlier_version_make_the_cost_unknown(session: Session) -> None:
    outcome = run_plan(toy_plan(), session)
    stripped = {
        key: replace(item, artifact=replace(item.artifact, manifest=without_facts(item)))
        for key, item in outcome.finished.items()
    }
    found = result_of(replace(outcome, finished=stripped), datetime.now(UTC))
    assert found.cost["translation"]["networks"] is None
    assert found.cost["training_flops"] is None
    assert found.cost["embedding"]["flops_an_image"] is None
    assert found.quantity("parameters") is None
    assert found.execution["translation"]["images_a_second"] is None


def without_facts(item: Any) -> dict[str, Any]:
    manifest = item.artifact.manifest
    return {k: v for k, v in manifest.items() if k not in ("cost", "measured")}


def test_facts_survive_reuse_and_only_execution_differs(session: Session) -> None:
    first, again = (
        result_of(run_plan(toy_plan(), session), datetime.now(UTC)).to_dict() for _ in range(2)
    )
    assert first["cost"]["training_flops"] > 0
    assert first["execution"]["translation"] == again["execution"]["translation"]
    assert first["execution"]["seconds"] == again["execution"]["seconds"]
    for record in (first, again):
        del record["execution"]
    assert first == again


def test_stages_are_clocked_and_speed_is_told(session: Session) -> None:
    speed = accounting.speed_of(run_plan(toy_plan(), session))
    assert set(speed["seconds"]) >= {"decode", "translator", "learn", "embed"}
    trained = [speed["seconds"][k] for k in ("translator", "translate", "learn")]
    assert speed["training_seconds"] == pytest.approx(sum(trained), abs=2e-3)
    for part in ("translation", "embedding"):
        assert speed[part]["images_a_second"] > 0
        assert speed[part]["peak_memory"] > 10e6
        assert speed[part]["peak_memory_of"] == "the process, since its start"


def test_the_model_that_only_measures_is_none_of_the_cost(
    session: Session, registry: Registry
) -> None:
    request = Request(translator="toy", constraints=[], learner="toy", strategy="translated")
    outcome = run_plan(make_plan(registry, toy_benchmark(), request=request), session)
    learned = outcome.artifact(outcome.plan.learned).manifest["seconds"]
    assert [s.kind for s in outcome.plan.stages].count("learn") == 2
    assert len(cost_of(outcome)["learning"]) == 1
    seconds = accounting.speed_of(outcome)["seconds"]
    assert seconds["learn"] == learned
    assert not {"preserve", "preview"} & seconds.keys()


def test_what_has_gone_from_the_cache_makes_seconds_and_cost_unknown(session: Session) -> None:
    plan = toy_plan()
    run_plan(plan, session)
    for stage in plan.stages:
        if stage.kind in ("translator", "translate"):
            session.store.remove(stage.key)
    again = run_plan(plan, session)
    assert accounting.speed_of(again)["training_seconds"] is None
    assert cost_of(again)["training_flops"] is None
    assert cost_of(again)["embedding"]["parameters"] == 32


def test_a_gradient_penalty_is_counted_too() -> None:
    """Its gradient is of a leaf inside the forward pass, which hooks on modules forbid."""
    layer = torch.nn.Linear(3, 1, bias=False)

    def rehearse(loop: Loop) -> None:
        def step(_: Clock) -> Log:
            points = torch.ones(2, 3, requires_grad=True)
            (slope,) = torch.autograd.grad(layer(points).sum(), points, create_graph=True)
            slope.square().sum().backward()  # type: ignore[no-untyped-call]
            return {}

        loop.run(4, step, {"layer": layer})

    counted = cost.of_training(rehearse, Loop(Path("unused"), 0, CPU))
    # Forward, the gradient of the points, and that gradient's own by weights: each 2 x 3 products
    # and as many sums at least.
    assert counted["steps"] == 4
    assert isinstance(counted["flops_a_step"], int)
    assert counted["flops_a_step"] >= 3 * 2 * 6


def test_networks_that_stand_together_are_counted_one_by_one() -> None:
    class Pair(Networks):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(2, 2), nn.Linear(3, 3)

    translator = ToyTranslator()
    translator.setup(CONTEXT)
    translator.pair = Pair()
    found = cost.networks({"t": translator})
    assert [found[f"t.pair.{name}"].parameters for name in ("first", "second")] == [6, 12]
