"""Three steps on fixed tensors. Where these numbers move, ``IBN.version`` has to rise."""

import pytest
import torch
from reidbench_ibn.learner import IBN

from reidbench.engine.streams import stream

GOLDEN = {
    "ipgan": [1.3883727, 1.2157824, 1.1556082, 355.23572],
    "ipgan-after-relu": [1.3877939, 1.2792313, 1.0327098, 482.62704],
    "ibn-a": [1.386673, 1.2471958, 1.0066625, 282.62323],
    "ibn-b": [1.3883725, 1.2157843, 1.1596797, 356.39944],
}


@pytest.mark.parametrize("variant", GOLDEN)
def test_three_steps_give_the_recorded_losses(variant):
    ibn = IBN(backbone="small-resnet", bottleneck=32, variant=variant)
    assert ibn.version == 1
    with stream("golden", "build"):
        model = ibn.build(num_pids=4)
    optimizer = ibn.optimizer(model)
    pixels = torch.sin(0.37 * torch.arange(8 * 3 * 32 * 16)).view(8, 3, 32, 16)
    measured = []
    for step in range(3):
        with stream("golden", step):
            log = ibn.learn(model, optimizer, pixels, torch.arange(8) % 4)
        measured.append(log["loss"].item())
    measured.append(ibn.embed(model.eval(), pixels).sum().item())
    assert measured == pytest.approx(GOLDEN[variant], rel=1e-4)
