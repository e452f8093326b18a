"""Three steps on fixed tensors. Where these numbers move, ``SAGAN.version`` has to rise."""

import pytest
import torch

from reidbench.engine.streams import stream
from reidbench.interfaces import Clock

GOLDEN = {
    "sagan": (
        {},
        {
            "critics": -0.0005823651,
            "penalty": 27.57748,
            "adversarial": 0.0001140512,
            "transform": 0.0004112050,
            "pixel_cycle": 127.4606,
            "spatial_cycle": 0.03352264,
            "fake": 0.06188985,
        },
    ),
    "ws": (
        {"spatial": False},
        {
            "critics": -0.0003691012,
            "penalty": 19.99674,
            "adversarial": 0.0001726807,
            "pixel_cycle": 126.9327,
            "fake": 0.05260615,
        },
    ),
    "wp": (
        {"pixel": False},
        {
            "critics": -0.0005861198,
            "penalty": 28.32395,
            "adversarial": 0.0001851707,
            "transform": 0.0005387068,
            "spatial_cycle": 0.03642136,
            "fake": 0.9130594,
        },
    ),
    "wd": (
        {"cycle": "entangled"},
        {
            "critics": -0.0006022918,
            "penalty": 27.56971,
            "adversarial": 0.0001470651,
            "transform": 0.0004388317,
            "pixel_cycle": 126.978,
            "fake": 0.06159353,
        },
    ),
}


@pytest.mark.parametrize("variant", GOLDEN)
def test_three_steps_give_the_recorded_losses(make, batch, variant):
    parameters, recorded = GOLDEN[variant]
    translator = make(**parameters)
    assert translator.version == 2
    for step in range(3):
        with stream("golden", step):
            hops, log = translator.training_step(
                batch, lambda hops: torch.zeros(()), Clock(step, 4)
            )
    measured = {k: v.item() for k, v in log.items()}
    measured["fake"] = sum(h.fake.square().mean().item() for h in hops)
    assert measured == pytest.approx(recorded, rel=2e-4, abs=1e-5)
