import pytest
import reidbench_espgan

from reidbench.config.benchmark import load_benchmark
from reidbench.config.compose import Request, compose
from reidbench.config.recipe import Budget
from reidbench.registry.loading import load_plugins
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
        "lr": 0.01,
        "backbone_lr": 0.001,
        "decay_from": 2 / 3,
    }
    assert {k: p.default for k, p in parameters.items()} == paper


@pytest.mark.parametrize("method", registered().methods, ids=lambda m: m.name)
def test_every_value_of_a_method_is_one_its_owner_takes(method):
    owners = {
        "budget": Budget,
        "joint-learner": registered().entries[0].load(),
        "cyclegan": pytest.importorskip("reidbench_cyclegan.translator").CycleGAN,
        "learner": pytest.importorskip("reidbench_ide.learner").IDE,
    }
    given = {owner: {} for owner in owners}
    for name, value in method.parameters.items():
        owner, _, parameter = name.partition(".")
        given[owner][parameter] = value
    for owner, values in given.items():
        owners[owner](**resolve(owners[owner], values, owner))


@pytest.mark.parametrize("learner", ["ide", "pcb"])
@pytest.mark.parametrize("method", [m.name for m in registered().methods])
def test_both_networks_see_images_normalised_alike_whichever_learner(method, learner):
    for plugin in ("cyclegan", "spgan", learner):
        pytest.importorskip(f"reidbench_{plugin}")
    registry = load_plugins().registry
    recipe = compose(Request(method, learner=learner), load_benchmark("synthetic"), registry, {})
    assert recipe.learner.name == learner
    assert recipe.learner.parameters["normalisation"] == "half"


def test_its_parts_together_have_the_name_of_table_4():
    for plugin in ("cyclegan", "spgan", "ide"):
        pytest.importorskip(f"reidbench_{plugin}")
    registry, benchmark = load_plugins().registry, load_benchmark("synthetic")
    parts = Request("espgan", constraints=["joint-learner", "sianet"])
    composed, named = (
        compose(r, benchmark, registry, {}) for r in (parts, Request("espgan-sianet"))
    )
    assert composed.digest == named.digest
    assert composed.name == "espgan-sianet"
