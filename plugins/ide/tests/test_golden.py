"""Three steps on fixed tensors. Where these numbers move, ``IDE.version`` has to rise."""

import pytest
import torch
from reidbench_ide.learner import IDE

from reidbench.engine.streams import stream

GOLDEN = [1.382549, 1.087651, 0.8008646, 0.07479047]


def test_three_steps_give_the_recorded_losses():
    ide = IDE(backbone="small-resnet", backbone_lr=0.01)
    assert ide.version == 1
    with stream("golden", "build"):
        model = ide.build(num_pids=4)
    optimizer = ide.optimizer(model)
    pixels = torch.sin(0.37 * torch.arange(8 * 3 * 32 * 16)).view(8, 3, 32, 16)
    measured = []
    for step in range(3):
        with stream("golden", step):
            log = ide.learn(model, optimizer, pixels, torch.arange(8) % 4)
        measured.append(log["loss"].item())
    measured.append(ide.embed(model.eval(), pixels).square().mean().item())
    assert measured == pytest.approx(GOLDEN, rel=1e-4)
