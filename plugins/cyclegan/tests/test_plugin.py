import reidbench_cyclegan

from reidbench.registry.parameters import parameters_of
from reidbench.registry.registry import Registration


def registered():
    registration = Registration("cyclegan")
    reidbench_cyclegan.reidbench_register(registration)
    return registration


def test_registers_the_translator_and_its_methods():
    registration = registered()
    (entry,) = registration.entries
    assert (entry.kind, entry.name) == ("translator", "cyclegan")
    assert entry.load().__name__ == "CycleGAN"
    parameters = {m.name: m.parameters for m in registration.methods}
    assert parameters == {
        "cyclegan": {},
        "cyclegan-noidt": {"cyclegan.identity": 0.0},
        "cyclegan@official": {"budget.epochs": 200, "cyclegan.discriminator_norm": True},
    }


def test_parameters_are_a_configuration():
    parameters = parameters_of(registered().entries[0].load())
    paper = {"width": 64, "blocks": 9, "lr": 2e-4, "cycle": 10.0, "identity": 5.0, "pool": 50}
    assert {k: parameters[k].default for k in paper} == paper
    assert parameters["adversarial"].type_name == "'lsgan' | 'log'"
