"""The recipe beside a plain loop of it; each trick on its own; resuming."""

import copy

import pytest
import torch
from reidbench_bot.learner import BagOfTricks, center_loss
from torch import nn
from torch.nn import functional as F

from reidbench.data.augment import Augmentation
from reidbench.engine.streams import stream
from reidbench.interfaces import Clock, Images
from reidbench.testing.learners import check_blank, check_resumes, nearest_are_same

TOY = {"backbone": "small-resnet", "batch": 8, "adam_rate": 3e-3}
PLAIN = {"flip": False, "pad": 0, "erasing": 0.0}
CPU = torch.device("cpu")


def toy(**changes):
    return BagOfTricks(**(TOY | changes))


class Table(nn.Module):
    """Takes the place of a backbone: gives the rows of a table, whatever it is shown."""

    def __init__(self, rows):
        super().__init__()
        self.rows = nn.Parameter(rows)

    def forward(self, pixels):
        return self.rows


def images_of(data, rows):
    return data.classes().images(rows, CPU)


def plain_loop(bot, model, data, seed):
    """Train as the authors' release does, from torch's own parts and loops over images."""
    names = {name for name, _ in model.named_parameters()} - {"centers", "neck.bias"}
    weights = [p for name, p in model.named_parameters() if name in names]
    adam = torch.optim.Adam(weights, lr=3e-3, weight_decay=5e-4)
    centers = torch.optim.SGD([model.centers], lr=0.5)
    ranking, steps = nn.MarginRankingLoss(margin=0.3), 12
    for step in range(steps):
        epoch = 120 * step / steps
        factor = (
            0.1 + 0.9 * epoch / 10
            if epoch < 10
            else 1
            if epoch < 40
            else 0.1
            if epoch < 70
            else 0.01
        )
        for group in adam.param_groups:
            group["lr"] = 3e-3 * factor
        images = images_of(data, bot.rows(data.classes(), step, seed))
        pid, pooled = images.pid, model.backbone(images.pixels * model.scale + model.shift)
        scores = F.linear(model.neck(pooled), model.head.weight)
        smooth = 0.9 * F.one_hot(pid, 6) + 0.1 / 6
        identity = -(smooth * scores.log_softmax(1)).sum(1).mean()
        far, near = [], []
        for i in range(len(pid)):
            distances = [
                (pooled[i] - other).square().sum().clamp(min=1e-12).sqrt() for other in pooled
            ]
            far.append(max(d for d, p in zip(distances, pid, strict=True) if p == pid[i]))
            near.append(min(d for d, p in zip(distances, pid, strict=True) if p != pid[i]))
        far, near = torch.stack(far), torch.stack(near)
        triplet = ranking(near, far, torch.ones(len(pid)))
        center = sum(
            (f - model.centers[p]).square().sum() for f, p in zip(pooled, pid, strict=True)
        )
        adam.zero_grad()
        centers.zero_grad()
        (identity + triplet + 5e-4 * center / len(pid)).backward()
        adam.step()
        model.centers.grad /= 5e-4
        centers.step()


def test_agrees_with_a_plain_loop_of_the_same_recipe(persons, loop):
    bot = toy(epochs=2, **PLAIN)
    start = bot.build(persons.num_pids)
    ours, plain = copy.deepcopy(start), copy.deepcopy(start).train()
    ours_loop = loop()
    bot.fit(ours, persons, ours_loop)
    plain_loop(bot, plain, persons, ours_loop.seed)
    for (name, a), b in zip(ours.state_dict().items(), plain.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3, msg=name)
    moved = [
        (a - b).abs().max() for a, b in zip(ours.parameters(), start.parameters(), strict=True)
    ]
    assert sum(m > 5e-3 for m in moved) > len(moved) / 2


def test_learns_persons_and_features_that_part_them(persons, loop):
    bot = toy(batch=24, epochs=20, erasing=0.0)
    model = bot.build(persons.num_pids)
    bot.fit(model, persons, loop())
    images = images_of(persons, slice(None))
    with torch.no_grad():
        right = bot.classify(model.eval(), images.pixels).argmax(1) == images.pid
    assert right.float().mean() > 0.9
    assert nearest_are_same(bot, model, persons) > 0.9


def test_a_killed_training_resumes_to_the_bit(persons, tmp_path):
    check_resumes(toy(epochs=1), persons, tmp_path, killed_at=4)


def test_a_blank_model_takes_the_weights(persons):
    check_blank(toy(), persons)


GOLDEN = [0.4157337, 0.05253192, 1.387394, 1.264376, 1.085881, 0.1164592]


def test_three_steps_give_the_recorded_losses():
    """Where these numbers move, ``BagOfTricks.version`` has to rise."""
    bot = toy()
    assert bot.version == 1
    with stream("golden", "build"):
        model = bot.build(num_pids=4).train()
        with torch.no_grad():
            model.centers.copy_(torch.sin(torch.arange(4 * 128)).view(4, 128))
    optimizer = bot.optimizer(model)
    pixels = torch.sin(0.37 * torch.arange(8 * 3 * 32 * 16)).view(8, 3, 32, 16)
    logs = [bot.learn(model, optimizer, pixels, torch.arange(8) % 4) for _ in range(3)]
    measured = [logs[0][name].item() for name in ("triplet", "center")]
    measured += [log["loss"].item() for log in logs]
    measured.append(bot.embed(model.eval(), pixels).square().mean().item())
    assert measured == pytest.approx(GOLDEN, rel=1e-3)


def test_rate_rises_and_falls_as_section_3_1_has_it():
    bot, rates = BagOfTricks(), {}
    for epoch in (0, 5, 10, 39, 40, 69, 70, 119):
        rates[epoch] = 3.5e-4 * bot.rate(epoch / 120)
    assert rates == pytest.approx(
        {
            0: 3.5e-5,
            5: 1.925e-4,
            10: 3.5e-4,
            39: 3.5e-4,
            40: 3.5e-5,
            69: 3.5e-5,
            70: 3.5e-6,
            119: 3.5e-6,
        }
    )
    assert BagOfTricks(warmup=0.0).rate(0.0) == 1.0


def test_rates_of_a_step_are_set_from_the_clock():
    bot = toy()
    model = bot.build(6)
    optimizer = bot.optimizer(model)
    bot.begin_step(model, optimizer, Clock(50, 100))
    assert [g["lr"] for g in optimizer.param_groups] == [pytest.approx(3e-4)]


def test_batches_hold_p_persons_with_k_images_each(persons):
    data, bot = persons.classes(), toy(batch=12, instances=4)
    seen = []
    for step in range(4):
        rows = bot.rows(data, step, seed=0)
        assert rows.tolist() == bot.rows(data, step, seed=0).tolist()
        pids = data.pids[rows].reshape(3, 4)
        assert (pids == pids[:, :1]).all()
        assert len(set(rows.tolist())) == 12
        seen += pids[:, 0].tolist()
    assert sorted(seen[:6]) == sorted(seen[6:]) == list(range(6))


def test_center_loss_by_hand():
    features, centers = (
        torch.tensor([[1.0, 2.0], [0.0, 1.0]]),
        torch.tensor([[0.0, 0.0], [3.0, 1.0]]),
    )
    assert center_loss(features, centers, torch.tensor([0, 1])).item() == (5 + 9) / 2


def test_centres_move_by_their_own_rate_whatever_their_weight():
    """By 0.5 times the slope of eq. 4: a batch of 2 moves each to its own image by 0.5 * 2 / 2."""
    pixels, pid = torch.zeros(2, 3, 8, 8), torch.tensor([0, 1])
    for weight in (5e-4, 0.1):
        bot = toy(center=weight, adam_rate=0.0)
        model = bot.build(3)
        model.backbone = Table(torch.randn(2, 128))
        before = model.centers.detach().clone()
        bot.learn(model.train(), bot.optimizer(model), pixels, pid)
        expected = before.clone()
        expected[:2] += 0.5 * (model.backbone.rows.detach() - before[:2])
        torch.testing.assert_close(model.centers.detach(), expected)


def test_triplets_see_features_before_the_neck_and_the_test_those_after():
    model = toy().build(3).eval()
    model.backbone = Table(torch.randn(4, 128))
    model.neck.running_mean.fill_(1.0)
    pixels = torch.zeros(4, 3, 8, 8)
    assert torch.equal(model.pooled(pixels), model.backbone.rows)
    expected = (model.backbone.rows - 1) / (1 + 1e-5) ** 0.5
    torch.testing.assert_close(toy().embed(model, pixels), expected)
    torch.testing.assert_close(model(pixels), expected @ model.head.weight.T)


def test_without_tricks_what_they_need_is_not_there():
    bot = toy(neck=False, center=0.0, triplet=0.0, last_stride=2)
    model = bot.build(3).train()
    assert isinstance(model.neck, nn.Identity)
    assert model.centers is None
    assert model.head.bias is not None
    log = bot.learn(model, bot.optimizer(model), torch.randn(4, 3, 32, 16), torch.arange(4) % 3)
    assert set(log) == {"loss", "accuracy"}
    necked = toy().build(3)
    assert necked.head.bias is None
    assert not necked.neck.bias.requires_grad
    assert len(toy().optimizer(necked).param_groups[0]["params"]) == len([*necked.parameters()]) - 2


def test_last_stride_of_1_doubles_the_sides_of_the_map():
    pixels = torch.zeros(1, 3, 32, 16)
    shapes = [toy(last_stride=s).build(3).eval().feature_map(pixels).shape[2:] for s in (1, 2)]
    assert shapes == [(8, 4), (4, 2)]


def test_labels_are_smoothed():
    model, pixels, pid = (
        toy().build(6).eval(),
        torch.randn(4, 3, 32, 16),
        torch.tensor([0, 5, 2, 2]),
    )
    nn.init.normal_(model.head.weight)
    likely = model(pixels).log_softmax(1)
    own, all_ = likely[torch.arange(4), pid].mean(), likely.mean()
    torch.testing.assert_close(toy().loss(model, pixels, pid), -0.9 * own - 0.1 * all_)
    torch.testing.assert_close(toy(smoothing=0.0).loss(model, pixels, pid), -own)


def test_padding_is_of_images_256_high(monkeypatch):
    used = []
    monkeypatch.setattr(
        Augmentation, "__call__", lambda self, images, draws: used.append(self) or images
    )
    for height in (256, 64):
        images = Images(torch.zeros(2, 3, height, 8), torch.zeros(2), torch.zeros(2))
        toy().augment(images, torch.Generator())
    assert [a.pad for a in used] == [10, 2]
    assert used[0].padding == "black"
    assert used[0].erasing.probability == 0.5
    toy(erasing=0.0).augment(images, torch.Generator())
    assert used[-1].erasing is None
