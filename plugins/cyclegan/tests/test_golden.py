"""Three steps on fixed tensors. Where these numbers move, ``CycleGAN.version`` has to rise."""

import pytest
import torch

from reidbench.engine.streams import stream
from reidbench.interfaces import Clock

GOLDEN = {
    "lsgan": {
        "adversarial": 1.965937,
        "cycle": 12.59644,
        "identity": 6.304389,
        "discriminators": 0.9814564,
        "fake": 0.04495456,
    },
    "log": {
        "adversarial": 1.386729,
        "cycle": 12.60036,
        "identity": 6.304959,
        "discriminators": 1.385817,
        "fake": 0.04519134,
    },
}


@pytest.mark.parametrize("adversarial", GOLDEN)
def test_three_steps_give_the_recorded_losses(make, batch, adversarial):
    translator = make(adversarial=adversarial, lr=2e-3)
    assert translator.version == 1
    for step in range(3):
        with stream("golden", step):
            hops, log = translator.training_step(
                batch, lambda hops: torch.zeros(()), Clock(step, 4)
            )
    measured = {k: v.item() for k, v in log.items()}
    measured["fake"] = sum(h.fake.square().mean().item() for h in hops)
    assert measured == pytest.approx(GOLDEN[adversarial], rel=1e-4)
