"""Three steps on fixed tensors. Where these numbers move, ``SVDNet.version`` has to rise."""

import pytest
import torch
from reidbench_svdnet.learner import SVDNet

from reidbench.engine.streams import stream
from reidbench.interfaces import Clock

GOLDEN = [1.7205963, 1.5033381, 1.2398398, 0.12865084]


def test_base_training_restraint_and_relaxation_give_the_recorded_losses():
    svdnet = SVDNet(backbone="small-resnet", eigen=32, rri=1, base=1 / 3, lr=0.05, backbone_lr=0.01)
    assert svdnet.version == 1
    with stream("golden", "build"):
        model = svdnet.build(num_pids=4)
    for layer in (model.eigenlayer, model.persons):
        layer.weight.data.mul_(10)  # where first steps from tiny weights hardly move the loss
    optimizer = svdnet.optimizer(model)
    pixels = torch.sin(0.37 * torch.arange(8 * 3 * 32 * 16)).view(8, 3, 32, 16)
    measured = []
    for step in range(3):
        with stream("golden", step):
            svdnet.begin_step(model, optimizer, Clock(step, 3))
            log = svdnet.learn(model, optimizer, pixels, torch.arange(8) % 4)
        measured.append(log["loss"].item())
    measured.append(svdnet.embed(model.eval(), pixels).square().mean().item())
    assert measured == pytest.approx(GOLDEN, rel=1e-4)
