import pytest
import reidbench_stargan
from reidbench_stargan.translator import StarGAN

from reidbench.config.recipe import Budget
from reidbench.registry.parameters import parameters_of, resolve
from reidbench.registry.registry import Registration


def registered():
    registration = Registration("stargan")
    reidbench_stargan.reidbench_register(registration)
    return registration


def test_registers_the_translator_and_its_methods():
    registration = registered()
    (entry,) = registration.entries
    assert (entry.kind, entry.name) == ("translator", "stargan")
    assert entry.load() is StarGAN
    assert [m.name for m in registration.methods] == ["stargan", "stargan@official"]
    for method in registration.methods:
        parts = method.translator, method.constraints, method.learner, method.strategy
        assert parts == ("stargan", (), "ide", "translated")


def test_defaults_are_the_papers():
    paper = {"width": 64, "blocks": 6, "discriminator_width": 64, "layers": 6}
    paper |= {"adversarial": "log", "penalty": 10.0, "domain": 1.0, "cycle": 10.0}
    paper |= {"generator_every": 1, "destinations": "across", "flip": True}
    paper |= {"lr": 1e-4, "beta1": 0.5, "decay_from": 0.5, "residual": False}
    paper["discriminator_lr"] = None  # the generator's
    assert {k: p.default for k, p in parameters_of(StarGAN).items()} == paper
    assert StarGAN.split == "camera"
    assert StarGAN().provides == {"rec"}


@pytest.mark.parametrize("method", registered().methods, ids=lambda m: m.name)
def test_every_value_of_a_method_is_one_its_owner_takes(method):
    owners = {"budget": Budget, "stargan": StarGAN}
    for owner, factory in owners.items():
        prefix = f"{owner}."
        values = {
            k.removeprefix(prefix): v for k, v in method.parameters.items() if k.startswith(prefix)
        }
        factory(**resolve(factory, values, owner))
    assert {name.partition(".")[0] for name in method.parameters} <= set(owners)
