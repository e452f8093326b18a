import reidbench_camstyle
from reidbench_camstyle.learner import SmoothedIDE
from reidbench_camstyle.translator import CamStyle

from reidbench.config.recipe import Budget
from reidbench.registry.parameters import parameters_of
from reidbench.registry.registry import Registration


def registered():
    registration = Registration("camstyle")
    reidbench_camstyle.reidbench_register(registration)
    return registration


def test_registers_the_parts_and_the_method():
    registration = registered()
    kinds = {(e.kind, e.name): e.load() for e in registration.entries}
    assert kinds == {("translator", "camstyle"): CamStyle, ("learner", "ide-lsr"): SmoothedIDE}
    (method,) = registration.methods
    parts = method.translator, method.constraints, method.learner, method.strategy
    assert parts == ("camstyle", (), "ide-lsr", "source+translated")
    assert method.parameters == {"budget.epochs": 50}
    assert Budget(epochs=50).batch == 1


def test_defaults_are_the_papers():
    parameters = parameters_of(CamStyle)
    paper = {"lr": 2e-4, "beta1": 0.5, "cycle": 10.0, "identity": 5.0, "decay_from": 0.6}
    assert {k: parameters[k].default for k in paper} == paper
    assert CamStyle.split == "camera"
    parameters = parameters_of(SmoothedIDE)
    paper = {"smoothing": 0.1, "translated": 0.25, "bottleneck": 1024, "dropout": 0.5}
    paper |= {"lr": 0.1, "backbone_lr": 0.01, "decay_from": 40 / 50, "epochs": 50}
    assert {k: parameters[k].default for k in paper} == paper
