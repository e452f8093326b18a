import pytest
import reidbench_ipgan

from reidbench.config.recipe import Budget, TranslationSampling
from reidbench.registry.parameters import parameters_of, resolve
from reidbench.registry.registry import Registration


def registered():
    registration = Registration("ipgan")
    reidbench_ipgan.reidbench_register(registration)
    return registration


def test_registers_constraint_learner_and_methods():
    registration = registered()
    assert {(e.kind, e.name): e.load().__name__ for e in registration.entries} == {
        ("constraint", "semantic-classifier"): "SemanticClassifier",
        ("learner", "ipgan-baseline"): "Baseline",
    }
    assert {m.name: m.learner for m in registration.methods} == {
        "ipgan": "ipgan-baseline",
        "ipgan-ibn": "ibn",
    }
    for method in registration.methods:
        assert (method.translator, method.constraints) == ("stargan", ("semantic-classifier",))
        assert method.strategy == "translated"


def test_the_classifier_is_the_baselines_whatever_learns():
    constraint, learner = registered().entries
    assert constraint.load().source_learner == learner.name


def test_defaults_are_the_papers():
    constraint, learner = (parameters_of(e.load()) for e in registered().entries)
    assert {k: p.default for k, p in constraint.items()} == {"weight": 1.0}
    paper = {"backbone": "resnet50", "bottleneck": 1024}
    camstyle = {"plain": False, "dropout": 0.5, "lr": 0.1, "backbone_lr": 0.01, "batch": 128}
    schedule = {"epochs": 50, "momentum": 0.9, "weight_decay": 5e-4, "batch_norm": "learn"}
    expected = paper | camstyle | schedule
    assert {k: learner[k].default for k in expected} == expected
    assert learner["epochs"].default * learner["decay_from"].default == pytest.approx(40)
    assert TranslationSampling().cameras == "all"


@pytest.mark.parametrize("method", registered().methods, ids=lambda m: m.name)
def test_every_value_of_a_method_is_one_its_owner_takes(method):
    given = {name.removeprefix("budget."): value for name, value in method.parameters.items()}
    budget = Budget(**resolve(Budget, given, "budget"))
    assert (budget.epochs, budget.batch, budget.steps) == (200, 16, 0)
