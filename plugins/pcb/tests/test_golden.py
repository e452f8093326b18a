"""Three steps on fixed tensors. Where these numbers move, ``PCB.version`` has to rise."""

import pytest
import torch
from reidbench_pcb.learner import PCB

from reidbench.engine.streams import stream

GOLDEN = [8.3194208, 8.1987381, 7.8697157, 85.725693]


def test_three_steps_give_the_recorded_losses():
    pcb = PCB(backbone="small-resnet", bottleneck=32)
    assert pcb.version == 1
    with stream("golden", "build"):
        model = pcb.build(num_pids=4)
    optimizer = pcb.optimizer(model)
    pixels = torch.sin(0.37 * torch.arange(8 * 3 * 32 * 16)).view(8, 3, 32, 16)
    measured = []
    for step in range(3):
        with stream("golden", step):
            log = pcb.learn(model, optimizer, pixels, torch.arange(8) % 4)
        measured.append(log["loss"].item())
    measured.append(pcb.embed(model.eval(), pixels)[:, ::5].sum().item())
    assert measured == pytest.approx(GOLDEN, rel=1e-4)
