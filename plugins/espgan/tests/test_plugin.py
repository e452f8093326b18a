import pytest
import reidbench_espgan

from reidbench.config.recipe import Budget
from reidbench.registry.parameters import parameters_of, resolve
from reidbench.registry.registry import Registration


def registered():
    registration = Registration("espgan")
    reidbench_espgan.reidbench_register(registration)
    return registration


def test_registers_the_constraint_and_the_methods():
    registration = registered()
    (entry,) = registration.entries
    assert (entry.kind, entry.name) == ("constraint", "joint-learner")
    assert entry.load().__name__ == "JointLearner"
    methods = {m.name: (m.constraints, m.strategy) for m in registration.methods}
    assert methods == {
        "espgan": (("joint-learner",), "joint"),
        "espgan-naive": (("joint-learner",), "finetune"),
        "espgan-sianet": (("joint-learner", "sianet"), "joint"),
        "espgan@pytorch": (("joint-learner",), "joint"),
    }
    assert all((m.translator, m.learner) == ("cyclegan", "ide") for m in registration.methods)


def test_defaults_are_the_papers():
    parameters = parameters_of(registered().entries[0].load())
    paper = {
        "weight": 5.0,
        "frozen": False,
        "real": True,
        "reconstructed": False,
        "decay_from": 2 / 3,
    }
    assert {k: p.default for k, p in parameters.items()} == paper


@pytest.mark.parametrize("method", registered().methods, ids=lambda m: m.name)
def test_every_value_of_a_method_is_one_its_owner_takes(method):
    owners = {
        "budget": Budget,
        "joint-learner": registered().entries[0].load(),
        "cyclegan": pytest.importorskip("reidbench_cyclegan.translator").CycleGAN,
        "ide": pytest.importorskip("reidbench_ide.learner").IDE,
    }
    given = {owner: {} for owner in owners}
    for name, value in method.parameters.items():
        owner, _, parameter = name.partition(".")
        given[owner][parameter] = value
    for owner, values in given.items():
        owners[owner](**resolve(owners[owner], values, owner))
