"""Constraints written for CycleGAN, unchanged."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from reidbench.config.benchmark import load_benchmark
from reidbench.config.compose import Request, compose
from reidbench.engine.gan import train_step
from reidbench.errors import UsageError
from reidbench.interfaces import Clock, SourceModel
from reidbench.registry.loading import load_from
from reidbench.registry.registry import Registration
from reidbench.testing.toys import ToyConstraint, ToyLearner

STEPS = 3


class Classifies(ToyLearner):
    """A classifier of average colours."""

    def build(self, num_pids):
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, num_pids))

    def loss(self, model, pixels, pid):
        return nn.functional.cross_entropy(model(pixels), pid)


def sianet(context, weight):
    constraint = pytest.importorskip("reidbench_spgan.constraint").SiaNet(weight=weight)
    return constraint, context


def joint_learner(context, weight):
    constraint = pytest.importorskip("reidbench_espgan.constraint").JointLearner(weight=weight)
    model = Classifies().build(context.num_pids)
    return constraint, replace(context, source_model=SourceModel(Classifies(), model))


def trained(translator, batch, constraints):
    for step in range(STEPS):
        log = train_step(translator, constraints, batch, Clock(step, STEPS), seed=5)
    assert all(torch.isfinite(torch.as_tensor(value)) for value in log.values())
    return [p.detach() for p in translator.parameters()]


def equal(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("destinations", ["across", "any"])
@pytest.mark.parametrize("constraint_of", [sianet, joint_learner])
def test_they_run_and_weight_0_changes_not_one_bit(
    make, batch, context, constraint_of, destinations
):
    plain = trained(make(destinations=destinations), batch, {})
    for weight in (0.0, 2.0):
        constraint, known = constraint_of(context, weight)
        constraint.setup(known)
        before = [p.detach().clone() for p in constraint.parameters()]
        after = trained(make(destinations=destinations), batch, {"guard": constraint})
        assert equal(plain, after) == (weight == 0)
        assert not equal(before, constraint.parameters())  # it learned beside the generator


class Wants(ToyConstraint):
    """Asks for the identity mapping."""

    needs = frozenset({"idt"})


def test_a_constraint_that_wants_the_identity_mapping_is_refused():
    found, more = load_from([]), Registration("whole")
    more.translator("stargan", "reidbench_stargan.translator:StarGAN")
    more.learner("toy", "reidbench.testing.toys:ToyLearner")
    more.constraint("wants", f"{__name__}:Wants")
    found.registry.add(more)
    request = Request(None, "stargan", ["wants"], "toy")
    with pytest.raises(UsageError, match="needs idt, which translator 'stargan' does not provide"):
        compose(request, load_benchmark("synthetic"), found.registry, {})
