"""Fixed tensors. Where these numbers move, the version of what computes them has to rise."""

import pytest
import torch
from reidbench_ipgan.baseline import Baseline

from reidbench.engine.streams import stream
from reidbench.interfaces import Clock
from reidbench.nn.frozen import frozen
from reidbench.testing.toys import ToyLearner

GUIDED = [1.706007, 1.700912, 1.695837]
LEARNED = [1.3867004, 1.2564229, 1.0152034, 225.1805]


def test_three_steps_down_the_constraint_give_the_recorded_losses(make, hops):
    constraint = make(learner=ToyLearner())
    assert constraint.version == 1
    there, _ = hops
    descent = torch.optim.SGD([there.fake], 1000.0)
    measured = []
    for step in range(3):
        descent.zero_grad()
        with frozen(constraint):
            loss = constraint.losses(hops, Clock(step, 3))["semantic"]
        loss.backward()
        descent.step()
        measured.append(loss.item())
    assert measured == pytest.approx(GUIDED, rel=1e-4)


def test_three_steps_of_the_baseline_give_the_recorded_losses():
    baseline = Baseline(backbone="small-resnet", bottleneck=32)
    assert baseline.version == 1
    with stream("golden", "build"):
        model = baseline.build(num_pids=4)
    optimizer = baseline.optimizer(model)
    pixels = torch.sin(0.37 * torch.arange(8 * 3 * 32 * 16)).view(8, 3, 32, 16)
    measured = []
    for step in range(3):
        with stream("golden", step):
            log = baseline.learn(model, optimizer, pixels, torch.arange(8) % 4)
        measured.append(log["loss"].item())
    measured.append(baseline.embed(model.eval(), pixels).sum().item())
    assert measured == pytest.approx(LEARNED, rel=1e-4)
