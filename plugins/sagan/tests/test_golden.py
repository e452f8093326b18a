"""Three steps on fixed tensors. Where these numbers move, ``SAGAN.version`` has to rise."""

import pytest
import torch

from reidbench.clock import Clock
from reidbench.streams import stream

GOLDEN = {
    "sagan": (
        {},
        {
            "critics": 5.368469e-05,
            "penalty": 27.57092,
            "adversarial": 0.0002095439,
            "transform": -0.0002396852,
            "pixel_cycle": 12.81495,
            "spatial_cycle": 0.02353205,
            "fake": 0.06460238,
        },
    ),
    "ws": (
        {"spatial": False},
        {
            "critics": -0.0003235753,
            "penalty": 19.99696,
            "adversarial": 7.4506e-05,
            "pixel_cycle": 12.78367,
            "fake": 0.06136079,
        },
    ),
    "wp": (
        {"pixel": False},
        {
            "critics": -0.0001452066,
            "penalty": 28.32499,
            "adversarial": 0.0002339419,
            "transform": 4.534423e-05,
            "spatial_cycle": 0.009052147,
            "fake": 0.9668003,
        },
    ),
    "wd": (
        {"cycle": "entangled"},
        {
            "critics": -0.0003376168,
            "penalty": 27.57093,
            "adversarial": 0.0002096512,
            "transform": 0.0001969934,
            "pixel_cycle": 12.83098,
            "fake": 0.06464639,
        },
    ),
}


@pytest.mark.parametrize("variant", GOLDEN)
def test_three_steps_give_the_recorded_losses(make, batch, variant):
    parameters, recorded = GOLDEN[variant]
    translator = make(**parameters)
    assert translator.version == 1
    for step in range(3):
        with stream("golden", step):
            hops, log = translator.training_step(
                batch, lambda hops: torch.zeros(()), Clock(step, 4)
            )
    measured = {k: v.item() for k, v in log.items()}
    measured["fake"] = sum(h.fake.square().mean().item() for h in hops)
    assert measured == pytest.approx(recorded, rel=2e-4, abs=1e-5)
