import pytest
import reidbench_ide

from reidbench.registry.parameters import parameters_of
from reidbench.registry.registry import Registration


def registered():
    registration = Registration("ide")
    reidbench_ide.reidbench_register(registration)
    return registration


def test_registers_the_learner():
    (entry,) = registered().entries
    assert (entry.kind, entry.name) == ("learner", "ide")
    assert entry.load().__name__ == "IDE"


def test_defaults_are_the_papers():
    parameters = parameters_of(registered().entries[0].load())
    paper = {
        "backbone": "resnet50",
        "dropout": 0.5,
        "lr": 0.01,
        "backbone_lr": 0.001,
        "momentum": 0.9,
        "batch": 16,
        "epochs": 60,
    }
    assert {k: parameters[k].default for k in paper} == paper
    assert parameters["epochs"].default * parameters["decay_from"].default == pytest.approx(40)
