"""TLlib's recipe beside a plain loop of it, and what it changes in the network."""

import copy

import pytest
import torch
from reidbench_bot.learner import BagOfTricks
from reidbench_bot.tllib import TLlibBaseline
from torch import nn
from torch.nn import functional as F

from reidbench.nn.triplet import batch_hard
from reidbench.registry.loading import load_plugins
from reidbench.registry.parameters import parameters_of
from reidbench.testing.learners import check_resumes, nearest_are_same

TOY = {"backbone": "small-resnet", "batch": 8, "adam_rate": 3e-3}
CPU = torch.device("cpu")


def toy(**changes):
    return TLlibBaseline(**(TOY | changes))


def plain_loop(learner, model, data, seed):
    """Train as TLlib does, from torch's own parts and a loop over images."""
    adam = torch.optim.Adam(
        [
            {"params": model.backbone.parameters(), "lr": 0.2 * 3e-3},
            {"params": model.neck.weight, "lr": 3e-3},
            {"params": model.head.parameters(), "lr": 3e-3},
        ],
        weight_decay=5e-4,
    )
    bases, steps = [0.2 * 3e-3, 3e-3, 3e-3], 12
    for step in range(steps):
        epoch = 80 * step / steps
        warm = 0.1 + 0.9 * epoch / 10 if epoch < 10 else 1
        for group, base in zip(adam.param_groups, bases, strict=True):
            group["lr"] = base * warm * 0.1 ** ((epoch >= 40) + (epoch >= 70))
        images = data.classes().images(learner.rows(data.classes(), step, seed), CPU)
        pid, pooled = images.pid, model.backbone(images.pixels * model.scale + model.shift)
        scores = F.linear(model.neck(pooled), model.head.weight)
        smooth = 0.9 * F.one_hot(pid, 6) + 0.1 / 6
        losses = [-(smooth * scores.log_softmax(1)).sum(1).mean()]
        for i in range(len(pid)):
            apart = [(pooled[i] - f).square().sum().clamp(min=1e-12).sqrt() for f in pooled]
            far = max(d for d, p in zip(apart, pid, strict=True) if p == pid[i])
            near = min(d for d, p in zip(apart, pid, strict=True) if p != pid[i])
            losses.append(-torch.stack([far, near]).log_softmax(0)[1] / len(pid))
        adam.zero_grad()
        sum(losses).backward()
        adam.step()


def test_agrees_with_a_plain_loop_of_tllibs_recipe(persons, loop):
    learner = toy(epochs=2, flip=False, pad=0)
    start = learner.build(persons.num_pids)
    ours, plain = copy.deepcopy(start), copy.deepcopy(start).train()
    ours_loop = loop()
    learner.fit(ours, persons, ours_loop)
    plain_loop(learner, plain, persons, ours_loop.seed)
    for (name, a), b in zip(ours.state_dict().items(), plain.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3, msg=name)
    moved = zip(ours.head.parameters(), start.head.parameters(), strict=True)
    assert all((a - b).abs().max() > 5e-3 for a, b in moved)


def test_learns_features_that_part_persons(persons, loop):
    learner = toy(batch=24, epochs=20, backbone_rate=1.0)
    model = learner.build(persons.num_pids)
    learner.fit(model, persons, loop())
    assert nearest_are_same(learner, model, persons) > 0.9


def test_a_killed_training_resumes_to_the_bit(persons, tmp_path):
    check_resumes(toy(epochs=1), persons, tmp_path, killed_at=4)


def test_defaults_are_those_of_its_script():
    defaults = {name: p.default for name, p in parameters_of(TLlibBaseline).items()}
    script = {"batch": 16, "instances": 4, "epochs": 80, "adam_rate": 3.5e-4, "pad": 10}
    script |= {"warmup": 10 / 80, "first_decay": 40 / 80, "second_decay": 70 / 80}
    script |= {"backbone_rate": 0.2, "weight_decay": 5e-4, "smoothing": 0.1, "triplet": 1.0}
    script |= {"margin": None, "center": 0.0, "erasing": 0.0, "last_stride": 1, "neck": True}
    script |= {"flip": True, "stem_relu": False, "normalisation": "imagenet"}
    assert {name: defaults[name] for name in script} == script


def test_the_keys_of_bot_are_what_they_were():
    entry = load_plugins().registry.entry("learner", "bot")
    added = {"backbone_rate", "stem_relu"}
    assert entry.load().omitted_from_key_at_default == added
    assert not TLlibBaseline.omitted_from_key_at_default


def test_soft_triplets_by_hand():
    """Distances: 3 within the first person, 1 within the second, 4 and more between them."""
    features, pid = torch.tensor([[0.0], [3.0], [7.0], [8.0]]), torch.tensor([0, 0, 1, 1])
    expected = F.softplus(torch.tensor([3.0 - 7, 3 - 4, 1 - 4, 1 - 5])).mean()
    torch.testing.assert_close(batch_hard(features, pid, None), expected)
    assert batch_hard(features, torch.zeros(4), None) == 0


def test_the_stem_of_a_resnet_has_no_activation():
    plain, ours = (
        kind(backbone="resnet18").build(3).eval() for kind in (BagOfTricks, TLlibBaseline)
    )
    assert isinstance(plain.backbone.relu, nn.ReLU)
    ours.load_state_dict({k: v for k, v in plain.state_dict().items() if k != "centers"})
    pixels = torch.rand(2, 3, 64, 32)
    assert not torch.equal(ours.pooled(pixels), plain.pooled(pixels))
    plain.backbone.relu = nn.Identity()
    assert torch.equal(ours.pooled(pixels), plain.pooled(pixels))


def test_the_backbone_descends_at_its_own_rate():
    learner = TLlibBaseline(backbone="small-resnet")
    model = learner.build(3)
    rates = {id(p): g["lr"] for g in learner.optimizer(model).param_groups for p in g["params"]}
    old = {id(p) for p in model.backbone.parameters()}
    assert [rates[i] for i in old] == pytest.approx([7e-5] * len(old))
    assert {rates[i] for i in rates.keys() - old} == {3.5e-4}
    assert len(rates) == len(old) + 2  # the neck's scale and the classifier
