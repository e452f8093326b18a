import pytest
import reidbench_sagan
from reidbench_sagan.translator import SAGAN

from reidbench.config.benchmark import load_benchmark
from reidbench.config.compose import Request, compose
from reidbench.registry.loading import load_plugins
from reidbench.registry.parameters import parameters_of
from reidbench.registry.registry import Registration

METHODS = ["sagan", "sagan-m10", "sagan-ws", "sagan-wd", "sagan-wp"]


def registered():
    registration = Registration("sagan")
    reidbench_sagan.reidbench_register(registration)
    return registration


def test_registers_its_parts_and_the_rows_of_the_tables():
    registration = registered()
    kinds = {(e.kind, e.name) for e in registration.entries}
    assert kinds == {
        ("translator", "sagan"),
        ("constraint", "masked-identity"),
        ("learner", "ide-sagan"),
    }
    assert next(e for e in registration.entries if e.name == "sagan").load() is SAGAN
    assert [m.name for m in registration.methods] == METHODS
    for method in registration.methods:
        assert (method.translator, method.learner) == ("sagan", "ide-sagan")
        assert method.strategy == "finetune"


def test_defaults_are_those_of_the_readme():
    said = {"transform": "homography", "bound": 0.9, "spatial": True, "pixel": True}
    said |= {"residual": False, "discriminator_lr": None}
    said |= {"cycle": "disentangled", "mask": True, "codes": 8, "localisation_width": 16}
    said |= {"width": 64, "blocks": 9, "discriminator_width": 64, "lipschitz": "penalty"}
    said |= {"penalty": 10.0, "generator_every": 1, "cycle_weight": 10.0, "pixel_cycle": 10.0}
    said |= {
        "lr": 5e-4,
        "beta1": 0.0,
        "beta2": 0.9,
        "decay_from": 0.5,
        "flip": True,
    }
    assert {k: p.default for k, p in parameters_of(SAGAN).items()} == said


@pytest.mark.parametrize(
    ("parameters", "size", "needs", "provides"),
    [
        ({}, 8, {"mask"}, {"rec", "grid"}),
        ({"spatial": False}, 0, {"mask"}, {"rec"}),
        ({"pixel": False, "codes": 3}, 3, {"mask"}, {"rec", "grid"}),
        ({"mask": False}, 8, set(), {"rec", "grid"}),
    ],
)
def test_variants_say_what_they_are(parameters, size, needs, provides):
    translator = SAGAN(**parameters)
    assert (translator.code_size, translator.needs, translator.provides) == (size, needs, provides)
    assert translator.split == "dataset"


@pytest.mark.parametrize("name", METHODS)
def test_methods_compose_on_the_viewpoint_benchmark(name):
    pytest.importorskip("reidbench_spgan")
    recipe = compose(
        Request(name), load_benchmark("synthetic-viewpoint"), load_plugins().registry, {}
    )
    variant = {
        "sagan-ws": {"spatial": False},
        "sagan-wp": {"pixel": False},
        "sagan-wd": {"cycle": "entangled"},
    }.get(name, {})
    shown = {k: recipe.translator.parameters[k] for k in ("spatial", "pixel", "cycle")}
    assert shown == {"spatial": True, "pixel": True, "cycle": "disentangled"} | variant
    assert recipe.rendering.codes == (10 if name == "sagan-m10" else 1)
    guards = {c.name: c.parameters for c in recipe.constraints}
    assert set(guards) == {"sianet"} | ({"masked-identity"} if name != "sagan-wp" else set())
    assert guards["sianet"]["pairs"] == "spatial"
    assert guards["sianet"]["weight"] == 0.2
    assert name == "sagan-wp" or guards["masked-identity"]["weight"] == 50.0


def test_the_learner_is_that_of_the_text():
    at_scale = compose(
        Request("sagan"), load_benchmark("market1501-to-dukemtmc"), load_plugins().registry, {}
    )
    values = at_scale.learner.parameters
    assert (values["bottleneck"], values["dropout"]) == (0, 0.0)
    assert {k: values[k] for k in ("batch", "epochs", "lr", "backbone_lr", "decay_from")} == {
        "batch": 128,
        "epochs": 50,
        "lr": 0.01,
        "backbone_lr": 0.01,
        "decay_from": 0.5,
    }


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"spatial": False, "pixel": False}, "nothing is left to adapt"),
        ({"codes": 0}, "codes"),
        ({"localisation_width": 0}, "localisation_width"),
        ({"width": 0}, "width"),
        ({"blocks": -1}, "blocks"),
        ({"bound": 1.5}, "bound"),
        ({"generator_every": 0}, "generator_every"),
        ({"penalty": -1.0}, "penalty"),
        ({"cycle_weight": -1.0}, "cycle_weight"),
        ({"pixel_cycle": -1.0}, "pixel_cycle"),
        ({"lr": -1.0}, "lr"),
        ({"beta2": 1.5}, "beta2"),
        ({"decay_from": -0.1}, "decay_from"),
    ],
)
def test_refuses_what_makes_no_sense(wrong, told):
    with pytest.raises(ValueError, match=told):
        SAGAN(**wrong)
