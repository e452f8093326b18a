"""Three steps on fixed tensors. Where these numbers move, the ``version`` has to rise."""

import pytest
import torch
from reidbench_camstyle.learner import SmoothedIDE

from reidbench.engine.streams import stream
from reidbench.interfaces import Clock, Images

TRANSLATOR = {
    "adversarial": 1.963591,
    "cycle": 12.76419,
    "identity": 6.342785,
    "discriminators": 0.9791577,
    "fake": 0.04511795,
}
LEARNER = [2.773891, 2.710723, 2.554803, 0.06946207]


def test_three_steps_of_the_translator(make, batch):
    translator = make(lr=2e-3)
    assert translator.version == 1
    for step in range(3):
        with stream("golden", step):
            hops, log = translator.training_step(
                batch, lambda hops: torch.zeros(()), Clock(step, 4)
            )
    measured = {k: v.item() for k, v in log.items()}
    measured["fake"] = sum(h.fake.square().mean().item() for h in hops)
    assert measured == pytest.approx(TRANSLATOR, rel=1e-4)


def test_three_steps_of_the_learner():
    learner = SmoothedIDE(backbone="small-resnet", bottleneck=32, backbone_lr=0.01, lr=0.01)
    assert learner.version == 1
    with stream("golden", "build"):
        model = learner.build(num_pids=4)
    optimizer = learner.optimizer(model)
    pixels = torch.sin(0.37 * torch.arange(8 * 3 * 32 * 16)).view(8, 3, 32, 16)
    pid = torch.arange(8) % 4
    images = Images(pixels, pid, pid, fake=torch.arange(8) > 4)
    measured = []
    for step in range(3):
        with stream("golden", step):
            measured.append(learner.learn_images(model, optimizer, images)["loss"].item())
    measured.append(learner.embed(model.eval(), pixels).square().mean().item())
    assert measured == pytest.approx(LEARNER, rel=1e-4)
