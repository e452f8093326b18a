"""Three steps on fixed tensors. Where these numbers move, ``StarGAN.version`` has to rise."""

import pytest
import torch

from reidbench.engine.streams import stream
from reidbench.interfaces import Clock

GOLDEN = {
    "log": {
        "discriminator": 1.38438,
        "domain_real": 1.353438,
        "adversarial": 0.6842307,
        "domain_fake": 1.361629,
        "cycle": 6.315275,
        "fake": 0.1572683,
    },
    "wgan-gp": {
        "discriminator": 0.000179166,
        "domain_real": 1.364045,
        "penalty": 9.756653,
        "adversarial": -0.01989815,
        "domain_fake": 1.369398,
        "cycle": 6.309197,
        "fake": 0.1575356,
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
    assert measured == pytest.approx(GOLDEN[adversarial], rel=1e-4, abs=1e-6)
