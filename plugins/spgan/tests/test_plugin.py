import subprocess
import sys

import reidbench_spgan

from reidbench.parameters import parameters_of
from reidbench.registry import Registration


def registered():
    registration = Registration("spgan")
    reidbench_spgan.reidbench_register(registration)
    return registration


def test_registers_the_constraint_and_the_method():
    registration = registered()
    (entry,) = registration.entries
    assert (entry.kind, entry.name) == ("constraint", "sianet")
    assert entry.load().__name__ == "SiaNet"
    (method,) = registration.methods
    parts = method.translator, method.constraints, method.learner, method.strategy
    assert parts == ("cyclegan", ("sianet",), "ide", "finetune")
    assert "1811.10551" in method.paper


def test_defaults_are_the_papers():
    parameters = parameters_of(registered().entries[0].load())
    paper = {"weight": 2.0, "margin": 2.0, "pools": 4, "lr": 2e-4, "beta1": 0.5}
    assert {k: p.default for k, p in parameters.items()} == paper


def test_registering_needs_no_torch():
    code = (
        "import sys, reidbench_spgan as p; from reidbench.registry import Registration;"
        "p.reidbench_register(Registration('x')); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
