"""The steps of CUT, and a whole run without being installed."""

import tomllib
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import reidbench_cut
import torch
from reidbench_cut.translator import CUT

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request
from reidbench.engine.streams import stream
from reidbench.errors import UsageError
from reidbench.interfaces import Clock, Context
from reidbench.registry.loading import load_from
from reidbench.registry.parameters import parameters_of
from reidbench.registry.registry import Registration
from reidbench.runs.recording import result_of
from reidbench.runs.runner import run_plan
from reidbench.testing.tensors import same_weights
from reidbench.testing.toy_runs import make_plan, make_session, toy_benchmark, toy_registry
from reidbench.testing.translators import (
    check_discriminators_have_a_rate_of_their_own,
    check_reports_losses,
    no_extra_loss,
    train_steps,
)

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]


def loaded():
    ((name, value),) = PROJECT["entry-points"]["reidbench"].items()
    return load_from([EntryPoint(name, value, "reidbench")])


def test_entry_point_registers_the_translator_and_the_method():
    assert loaded().found[-1].error == ""
    assert loaded().registry.entry("translator", "cut").load() is CUT
    method = loaded().registry.method("cut")
    assert (method.translator, method.constraints, method.learner) == ("cut", (), "ide")
    assert method.parameters == {"budget.epochs": 400}


def test_defaults_are_the_papers():
    defaults = {name: p.default for name, p in parameters_of(CUT).items()}
    paper = {"lr": 2e-4, "beta1": 0.5, "decay_from": 0.5, "nce": 1.0, "nce_identity": 1.0}
    paper |= {"temperature": 0.07, "patches": 256, "embedding": 256, "blocks": 9, "width": 64}
    assert {name: defaults[name] for name in paper} == paper
    assert CUT.directions == {"source-to-target"}


GOLDEN = {
    "discriminator": 0.1969826,
    "adversarial": 0.7585798,
    "nce": 7.161223,
    "nce_identity": 7.164808,
    "fake": 0.02662684,
}


def test_three_steps_give_the_recorded_losses(make, batch):
    """Where these numbers move, ``CUT.version`` has to rise."""
    translator = make()
    assert translator.version == 1
    for step in range(3):
        with stream("golden", step):
            hops, log = translator.training_step(batch, no_extra_loss, Clock(step, 4))
    measured = {k: v.item() for k, v in log.items()} | {"fake": hops[0].fake.square().mean().item()}
    assert measured == pytest.approx(GOLDEN, rel=2e-4, abs=1e-5)


def test_losses_of_a_step_are_eq_4(make, batch):
    """With all places as patches nothing is drawn, and the losses follow from the first weights."""
    translator, weighed = make(patches=2000), make(patches=2000, nce=3.0, nce_identity=0.5)
    fake = translator.translate(batch.source, 0, 1)
    idt = translator.translate(batch.target, 1, 1)
    expected = {
        "nce": 3 * translator.contrast(batch.source.pixels, fake).item(),
        "nce_identity": 0.5 * translator.contrast(batch.target.pixels, idt).item(),
        "discriminator": (
            translator.discriminator(fake).square().mean()
            + (1 - translator.discriminator(batch.target.pixels)).square().mean()
        ).item()
        / 2,
    }
    (hop,), log = train_steps(weighed, batch, 1)
    assert {name: log[name].item() for name in expected} == pytest.approx(expected, rel=1e-4)
    torch.testing.assert_close(hop.fake, fake)


def test_real_patches_are_held_still(make, batch):
    translator, real = make(), batch.source.pixels.clone().requires_grad_()
    translator.contrast(real, batch.target.pixels).backward()
    assert real.grad is None
    assert all(p.grad is not None for p in translator.heads.parameters())


def test_patches_learn_to_find_their_places(make, batch):
    translator = make(lr=2e-3)
    _, before = train_steps(translator, batch, 1, total=60)
    _, after = train_steps(translator, batch, 40, first=1, total=60)
    assert after["nce"] < 0.8 * before["nce"]
    assert after["nce_identity"] < 0.8 * before["nce_identity"]


def test_weights_of_each_player_move_in_a_step(make, batch):
    before, after = make(), make()
    train_steps(after, batch, 1)
    for name in ("generator", "heads", "discriminator"):
        assert not same_weights(getattr(before, name), getattr(after, name))


def test_tells_its_losses_at_the_pixels(make, batch, tmp_path):
    pixels = {"adversarial", "nce", "nce_identity"}
    check_reports_losses(make(), batch, tmp_path, pixels=pixels, elsewhere=set())


@pytest.mark.parametrize("size", [(16, 16), (32, 30)])
def test_refuses_images_that_its_networks_cannot_take(size):
    with pytest.raises(UsageError, match="cut needs images"):
        CUT().setup(Context(size, 4, 2, torch.device("cpu")))


@pytest.mark.parametrize("wrong", [{"patches": 1}, {"temperature": 0.0}, {"nce": -1.0}])
def test_refuses_values_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CUT(**wrong)


def planned(direction):
    registry, ours = toy_registry(), Registration("cut")
    reidbench_cut.reidbench_register(ours)
    registry.add(ours)
    few = {"ids": 4, "cameras": 2, "images_per_camera": 2, "height": 32, "width": 24}
    small = {"width": 4, "blocks": 1, "discriminator_width": 4}
    specs = [DatasetSpec("synthetic", values) for values in (few, {**few, "domain": "d"})]
    toy = vars(toy_benchmark(translator=small))
    benchmark = Benchmark(**{**toy, "source": specs[0], "target": specs[1], "image_size": (32, 24)})
    return make_plan(
        registry, benchmark, request=Request(None, "cut", [], "toy", direction=direction)
    )


def test_a_whole_run(tmp_path):
    outcome = run_plan(planned("source-to-target"), make_session(tmp_path / "cache"))
    result = result_of(outcome, datetime.now(UTC))
    assert result.translation["truth"]["images"] > 0
    assert result.training["gradient_shares"]


def test_the_other_direction_is_refused():
    with pytest.raises(UsageError, match="not translate target-to-source"):
        planned("target-to-source")


def test_discriminators_have_a_rate_of_their_own(make, batch):
    check_discriminators_have_a_rate_of_their_own(make, batch, 2e-4, {"discriminator"}, "generator")
    with pytest.raises(ValueError, match="discriminator_lr must be a number of at least 0"):
        make(discriminator_lr=-1.0)
