import reidbench_ptgan
from reidbench_ptgan.constraint import Foreground

from reidbench.config.recipe import Budget
from reidbench.registry.parameters import parameters_of
from reidbench.registry.registry import Registration


def registered():
    registration = Registration("ptgan")
    reidbench_ptgan.reidbench_register(registration)
    return registration


def test_registers_the_constraint_and_the_method():
    (entry,) = registered().entries
    assert (entry.kind, entry.name, entry.load()) == ("constraint", "foreground", Foreground)
    (method,) = registered().methods
    parts = method.name, method.translator, method.constraints, method.learner, method.strategy
    assert parts == ("ptgan", "cyclegan", ("foreground",), "ide", "finetune")
    assert method.parameters == {"cyclegan.identity": 0.0, "budget.epochs": 40}
    assert Budget(epochs=40).batch == 1


def test_default_weight_is_the_papers():
    assert {name: p.default for name, p in parameters_of(Foreground).items()} == {"weight": 10.0}
