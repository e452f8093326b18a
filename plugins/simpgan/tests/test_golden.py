"""Fixed tensors. Where these numbers move, the version of what computes them has to rise."""

import pytest
import torch
from reidbench_simpgan.learner import Siamese

from reidbench.engine.streams import stream
from reidbench.interfaces import Clock
from reidbench.nn.frozen import frozen

GUIDED = [0.3277736, 0.3075133, 0.2911899]
LEARNED = [3.466184, 3.171996, 3.384824, 219.0236, 0.48814]


def test_three_steps_down_the_constraint_give_the_recorded_losses(make, hops):
    constraint = make()
    assert constraint.version == 1
    there, _ = hops
    descent = torch.optim.SGD([there.rec], 1.0)
    measured = []
    for step in range(3):
        descent.zero_grad()
        with frozen(constraint):
            loss = constraint.losses(hops, Clock(step, 3))["similarity"]
        loss.backward()
        descent.step()
        measured.append(loss.item())
    assert measured == pytest.approx(GUIDED, rel=1e-3)


def test_three_steps_of_the_learner_give_the_recorded_losses():
    learner = Siamese(backbone="small-resnet", lr=0.01, backbone_lr=0.01)
    assert learner.version == 1
    with stream("golden", "build"):
        model = learner.build(num_pids=4)
    optimizer = learner.optimizer(model)
    pixels = torch.sin(0.37 * torch.arange(8 * 3 * 32 * 16)).view(8, 3, 32, 16)
    measured = []
    for step in range(3):
        with stream("golden", step):
            log = learner.learn(model, optimizer, pixels, torch.tensor([0, 0, 1, 2, 3, 3, 2, 0]))
        measured.append(log["loss"].item())
    with torch.no_grad():
        features = learner.embed(model.eval(), pixels)
        measured += [
            features.sum().item(),
            learner.similarity(model, features, features).sum().item(),
        ]
    assert measured == pytest.approx(LEARNED, rel=1e-3)
