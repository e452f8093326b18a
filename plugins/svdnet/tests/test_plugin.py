import pytest
import reidbench_svdnet

from reidbench.registry.parameters import parameters_of
from reidbench.registry.registry import Registration


def registered():
    registration = Registration("svdnet")
    reidbench_svdnet.reidbench_register(registration)
    return registration


def test_registers_the_learner():
    (entry,) = registered().entries
    assert (entry.kind, entry.name) == ("learner", "svdnet")
    assert entry.load().__name__ == "SVDNet"


def test_defaults_are_the_papers():
    parameters = parameters_of(registered().entries[0].load())
    paper = {
        "backbone": "resnet50",
        "eigen": 1024,
        "dropout": 0.5,
        "rri": 7,
        "lr": 0.001,
        "backbone_lr": 0.001,
        "momentum": 0.9,
        "batch": 16,
    }
    assert {k: parameters[k].default for k in paper} == paper
    steps = 12_936 * parameters["epochs"].default / 16  # on the 12,936 images of Market-1501
    assert steps == pytest.approx(25_000 + 7 * 16_000, rel=0.01)
    assert steps * parameters["base"].default == pytest.approx(25_000, rel=0.01)
