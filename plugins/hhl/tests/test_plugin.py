import json

import pytest
import reidbench_hhl
from click.testing import CliRunner
from reidbench_hhl.learner import HHL

from reidbench.cli import cli
from reidbench.config.recipe import Budget, TranslationSampling
from reidbench.registry.parameters import parameters_of, resolve
from reidbench.registry.registry import Registration
from reidbench.testing.tiny import write_tiny_benchmark


def registered():
    registration = Registration("hhl")
    reidbench_hhl.reidbench_register(registration)
    return registration


def test_registers_the_learner_and_the_method():
    (entry,) = registered().entries
    assert (entry.kind, entry.name, entry.load()) == ("learner", "hhl", HHL)
    (method,) = registered().methods
    parts = method.name, method.translator, method.constraints, method.learner, method.strategy
    assert parts == ("hhl", "stargan", (), "hhl", "source+views")


def test_every_value_of_the_method_is_one_its_owner_takes():
    stargan = pytest.importorskip("reidbench_stargan.translator").StarGAN
    assert stargan.between_cameras
    owners = {"budget": Budget, "stargan": stargan, "rendering": TranslationSampling}
    given = {owner: {} for owner in owners}
    for name, value in registered().methods[0].parameters.items():
        owner, _, parameter = name.partition(".")
        given[owner][parameter] = value
    for owner, values in given.items():
        owners[owner](**resolve(owners[owner], values, owner))


def test_defaults_are_the_papers_and_the_releases():
    defaults = {name: p.default for name, p in parameters_of(HHL).items()}
    paper = {"bottleneck": 1024, "triplet_features": 128, "dropout": 0.5, "batch": 128}
    paper |= {"instances": 8, "triplet": 0.5, "margin": 0.3, "epochs": 60, "decay_from": 40 / 60}
    paper |= {"lr": 0.1, "backbone_lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4}
    assert {name: defaults[name] for name in paper} == paper
    assert defaults["persons_share"] * 128 == 64
    assert defaults["target_share"] * 128 == 16


def test_a_run_of_the_method(tmp_path):
    benchmark, results = tmp_path / "tiny.toml", tmp_path / "results"
    write_tiny_benchmark(benchmark)
    options = {"--benchmark": benchmark, "--cache": tmp_path / "cache", "--results": results}
    words = [str(word) for option in options.items() for word in option]
    done = CliRunner().invoke(cli, ["run", "--method", "hhl", *words])
    assert done.exit_code == 0, done.output
    (path,) = results.glob("tiny/hhl-*-seed0.json")
    recipe = json.loads(path.read_text())["recipe"]
    assert recipe["strategy"] == "source+views"
    assert recipe["rendering"] == {"cameras": "one"}
