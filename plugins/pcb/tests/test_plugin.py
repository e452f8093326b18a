import pytest
import reidbench_pcb

from reidbench.registry.parameters import parameters_of
from reidbench.registry.registry import Registration


def registered():
    registration = Registration("pcb")
    reidbench_pcb.reidbench_register(registration)
    return registration


def test_registers_the_learner():
    (entry,) = registered().entries
    assert (entry.kind, entry.name) == ("learner", "pcb")
    assert entry.load().__name__ == "PCB"


def test_defaults_are_the_papers():
    parameters = parameters_of(registered().entries[0].load())
    paper = {
        "backbone": "resnet50",
        "parts": 6,
        "last_stride": 1,
        "bottleneck": 256,
        "dropout": 0.5,
        "lr": 0.1,
        "backbone_lr": 0.01,
        "batch": 64,
        "epochs": 60,
    }
    assert {k: parameters[k].default for k in paper} == paper
    assert parameters["epochs"].default * parameters["decay_from"].default == pytest.approx(40)
    assert parameters["stretch"].default * 256 == 384
