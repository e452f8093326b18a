import pytest
import reidbench_bot
from reidbench_bot.learner import BagOfTricks
from reidbench_bot.tllib import TLlibBaseline

from reidbench.config.benchmark import load_benchmark
from reidbench.registry.parameters import parameters_of
from reidbench.registry.registry import Registration


def registered():
    registration = Registration("bot")
    reidbench_bot.reidbench_register(registration)
    return registration


def test_registers_the_learners():
    found = [(e.kind, e.name, e.load()) for e in registered().entries]
    assert found == [("learner", "bot", BagOfTricks), ("learner", "bot-tllib", TLlibBaseline)]


def test_defaults_are_the_papers():
    defaults = {name: p.default for name, p in parameters_of(BagOfTricks).items()}
    paper = {"batch": 16 * 4, "instances": 4, "epochs": 120, "adam_rate": 3.5e-4}
    paper |= {"warmup": 10 / 120, "first_decay": 40 / 120, "second_decay": 70 / 120}
    paper |= {"smoothing": 0.1, "erasing": 0.5, "last_stride": 1, "neck": True, "pad": 10}
    paper |= {"triplet": 1.0, "margin": 0.3, "center": 5e-4, "center_rate": 0.5, "flip": True}
    paper |= {"weight_decay": 5e-4, "batch_norm": "learn", "normalisation": "imagenet"}
    assert {name: defaults[name] for name in paper} == paper


def test_benchmarks_do_not_set_its_rate():
    """Theirs are of SGD, hundreds of times as large."""
    settings = load_benchmark("synthetic").settings["learner"]
    taken = set(settings) & set(parameters_of(BagOfTricks))
    assert taken == {"backbone", "batch", "epochs", "weight_decay"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"instances": 0},
        {"batch": 62},
        {"smoothing": 1.1},
        {"erasing": -0.1},
        {"first_decay": 0.6},
        {"margin": -1.0},
        {"center": -1.0},
        {"warmup": 2.0},
    ],
)
def test_refuses_values_out_of_range(wrong):
    name = next(iter(wrong)).replace("first_decay", "second_decay")
    with pytest.raises(ValueError, match=name):
        BagOfTricks(**wrong)


def test_refuses_a_last_stride_of_a_network_that_has_none():
    with pytest.raises(ValueError, match="last_stride"):
        BagOfTricks(backbone="mobilenet_v2")
    assert BagOfTricks(backbone="mobilenet_v2", last_stride=2).backbone == "mobilenet_v2"
