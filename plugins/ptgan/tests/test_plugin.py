import json

import reidbench_ptgan
from click.testing import CliRunner
from reidbench_ptgan.constraint import Foreground

from reidbench.cli import cli
from reidbench.config.recipe import Budget
from reidbench.registry.parameters import parameters_of
from reidbench.registry.registry import Registration
from reidbench.testing.tiny import write_tiny_benchmark


def registered():
    registration = Registration("ptgan")
    reidbench_ptgan.reidbench_register(registration)
    return registration


def test_registers_the_constraint_and_the_method():
    (entry,) = registered().entries
    assert (entry.kind, entry.name, entry.load()) == ("constraint", "foreground", Foreground)
    (method,) = registered().methods
    parts = method.name, method.translator, method.constraints, method.learner, method.strategy
    assert parts == ("ptgan", "cyclegan", ("foreground",), "ide", "finetune")
    assert method.parameters == {"cyclegan.identity": 0.0, "budget.epochs": 40}
    assert Budget(epochs=40).batch == 1


def test_default_weight_is_the_papers():
    assert {name: p.default for name, p in parameters_of(Foreground).items()} == {"weight": 10.0}


def test_a_run_of_the_method(tmp_path):
    benchmark, results = tmp_path / "tiny.toml", tmp_path / "results"
    write_tiny_benchmark(benchmark)
    options = {"--benchmark": benchmark, "--cache": tmp_path / "cache", "--results": results}
    words = [str(word) for option in options.items() for word in option]
    done = CliRunner().invoke(cli, ["run", "--method", "ptgan", *words])
    assert done.exit_code == 0, done.output
    (path,) = results.glob("tiny/ptgan-*-seed0.json")
    recipe = json.loads(path.read_text())["recipe"]
    assert recipe["translator"]["parameters"]["identity"] == 0.0
    (constraint,) = recipe["constraints"]
    assert constraint["name"] == "foreground"
