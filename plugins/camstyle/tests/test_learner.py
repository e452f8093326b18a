import copy
import math

import numpy as np
import pytest
import torch
from reidbench_camstyle.learner import SmoothedIDE
from reidbench_ide.learner import IDE
from torch import nn

from reidbench.data.augment import Augmentation
from reidbench.interfaces import Images
from reidbench.testing.learners import check_resumes

TOY = {"backbone": "small-resnet", "bottleneck": 32, "batch": 8, "lr": 0.05, "backbone_lr": 0.05}


def toy(**changes):
    return SmoothedIDE(**(TOY | changes))


class Table(nn.Module):
    """Gives the logits that it was made of, whatever it is shown."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, pixels):
        return self.logits


def loss_by_hand(logits, pid, fake, epsilon):
    sums = {False: [], True: []}
    for row, person, is_fake in zip(logits.tolist(), pid, fake, strict=True):
        total = sum(math.exp(v) for v in row)
        likely = [math.log(math.exp(v) / total) for v in row]
        smooth = epsilon if is_fake else 0.0
        loss = -(1 - smooth) * likely[person] - smooth / len(row) * sum(likely)
        sums[is_fake].append(loss)
    return sum(sum(kind) / len(kind) for kind in sums.values() if kind)


@pytest.mark.parametrize("epsilon", [0.1, 0.4])
@pytest.mark.parametrize(
    "fake", [[False, True, True, False, True], [True] * 5, [False] * 5], ids=str
)
def test_labels_are_smoothed_on_translated_images_alone(epsilon, fake):
    learner, pid = toy(smoothing=epsilon), [2, 0, 1, 1, 2]
    table = Table(torch.randn(5, 3))
    images = Images(torch.zeros(5, 3, 4, 4), torch.tensor(pid), torch.zeros(5), None)
    images = Images(images.pixels, images.pid, images.cam, fake=torch.tensor(fake))
    expected = loss_by_hand(table.logits.detach(), pid, fake, epsilon)
    optimizer = torch.optim.SGD(table.parameters(), lr=0.1)
    log = learner.learn_images(table, optimizer, images)
    assert log["loss"].item() == pytest.approx(expected, rel=1e-5)
    assert table.logits.grad.any()


def test_real_images_alone_are_learned_as_ide_does(persons, loop):
    values = TOY | {"epochs": 1}
    ide, ours = IDE(batch_norm="learn", decay_from=0.8, **values), toy(epochs=1)
    start = ide.build(6)
    plain, smoothed = copy.deepcopy(start), copy.deepcopy(start)
    ide.fit(plain, persons, loop("ide"))
    ours.fit(smoothed, persons, loop("ours"))
    for a, b in zip(plain.parameters(), smoothed.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_three_real_images_to_a_translated_one(both):
    learner, seen = toy(), []
    assert learner.steps(both) == 48 * 50 / 6
    for step in range(48 // 6):
        rows = learner.rows(both, step, seed=0)
        assert both.fake[rows].tolist() == [False] * 6 + [True] * 2
        seen += rows[:6].tolist()
    assert sorted(seen) == list(range(48))  # an epoch passes over the real images
    later = [learner.rows(both, step, 0)[6:] for step in range(96 // 2)]
    assert sorted(np.concatenate(later).tolist()) == list(range(48, 144))


@pytest.mark.parametrize(("batch", "share", "real"), [(171, 0.25, 128), (32, 0.25, 24), (2, 1, 1)])
def test_share_of_a_batch(both, batch, share, real):
    rows = toy(batch=batch, translated=share).rows(both, 0, 0)
    assert (len(rows), (~both.fake[rows]).sum()) == (batch, real)


def test_augmentation_keeps_what_is_translated(both):
    images = both.images(np.array([0, 60]), torch.device("cpu"))
    drawn = Augmentation(flip=True, enlarge=1.2)(images, torch.Generator().manual_seed(0))
    assert drawn.fake.tolist() == [False, True]


def test_the_steps_of_a_fit_tell_both_kinds_apart(both, loop, monkeypatch):
    seen = []
    monkeypatch.setattr(
        SmoothedIDE, "learn_images", lambda self, m, o, images: seen.append(images.fake) or {}
    )
    learner = toy(epochs=1)
    learner.fit(learner.build(6), both, loop())
    assert len(seen) == 8
    assert all(fake.tolist() == [False] * 6 + [True] * 2 for fake in seen)


def test_learns_the_persons(both, loop):
    learner = toy(epochs=6, dropout=0.0)
    model = learner.build(6)
    learner.fit(model, both, loop())
    images = both.classes().images(np.arange(len(both)), torch.device("cpu"))
    with torch.no_grad():
        right = model.eval()(images.pixels).argmax(1) == images.pid
    assert right.float().mean() > 0.9


def test_a_killed_training_resumes_to_the_bit(both, tmp_path):
    check_resumes(toy(epochs=1), both, tmp_path, killed_at=4)


@pytest.mark.parametrize("wrong", [{"smoothing": 1.5}, {"translated": -0.1}, {"batch": 1}])
def test_refuses_values_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SmoothedIDE(**wrong)
