import pytest
import reidbench_spgan

from reidbench.config.recipe import Budget
from reidbench.registry.parameters import parameters_of, resolve
from reidbench.registry.registry import Registration


def registered():
    registration = Registration("spgan")
    reidbench_spgan.reidbench_register(registration)
    return registration


def test_registers_the_constraint_and_the_methods():
    registration = registered()
    (entry,) = registration.entries
    assert (entry.kind, entry.name) == ("constraint", "sianet")
    assert entry.load().__name__ == "SiaNet"
    assert [m.name for m in registration.methods] == ["spgan", "spgan@tensorflow", "spgan@pytorch"]
    for method in registration.methods:
        parts = method.translator, method.constraints, method.learner, method.strategy
        assert parts == ("cyclegan", ("sianet",), "ide", "finetune")
        assert "1811.10551" in method.paper
    assert registration.methods[0].parameters == {}


def test_defaults_are_the_papers():
    parameters = parameters_of(registered().entries[0].load())
    paper = {"weight": 2.0, "margin": 2.0, "pools": 4, "lr": 2e-4, "beta1": 0.5}
    paper |= {"convolutions": 3, "hidden": 256, "embedding": 128, "bias": True, "dropout": 0.0}
    paper |= {"negative_weight": 1.0, "negatives": "translated", "init": "pytorch"}
    paper |= {"pairs": "pixel", "learn_from": 0.0, "guide_from": 0.0}
    assert {k: p.default for k, p in parameters.items()} == paper


@pytest.mark.parametrize("method", registered().methods, ids=lambda m: m.name)
def test_every_value_of_a_method_is_one_its_owner_takes(method):
    translator = pytest.importorskip("reidbench_cyclegan.translator").CycleGAN
    owners = {"budget": Budget, "sianet": registered().entries[0].load(), "cyclegan": translator}
    given = {owner: {} for owner in owners}
    for name, value in method.parameters.items():
        owner, _, parameter = name.partition(".")
        given[owner][parameter] = value
    for owner, values in given.items():
        owners[owner](**resolve(owners[owner], values, owner))
