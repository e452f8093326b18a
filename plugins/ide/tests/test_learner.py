import copy

import pytest
import torch
from reidbench_ide.learner import IDE
from torch.nn import functional as F

from reidbench.data.augment import Augmentation
from reidbench.errors import ReidbenchError
from reidbench.interfaces import Images

TOY = {"backbone": "small-resnet", "bottleneck": 32, "batch": 8, "lr": 0.05, "backbone_lr": 0.05}


class KilledError(Exception):
    """Stands for a run that ends in the middle."""


def toy(**changes):
    return IDE(**(TOY | changes))


def accuracy(ide, model, data):
    model.eval()
    images = data.classes().images(slice(None), torch.device("cpu"))
    with torch.no_grad():
        return (model(images.pixels).argmax(1) == images.pid).float().mean().item()


def test_learns_persons_and_features_that_part_them(persons, loop):
    ide = toy(epochs=8)
    model = ide.build(persons.num_pids)
    assert accuracy(ide, model, persons) < 0.5
    ide.fit(model, persons, loop())
    assert accuracy(ide, model, persons) > 0.9
    images = persons.images(slice(None), torch.device("cpu"))
    with torch.no_grad():
        features = F.normalize(ide.embed(model, images.pixels))
    distance = torch.cdist(features, features).fill_diagonal_(9)
    nearest = images.pid[distance.argmin(1)]
    assert (nearest == images.pid).float().mean() > 0.9


def test_steps_and_rates_follow_the_schedule(persons, loop, monkeypatch):
    rates = []

    learn = IDE.learn

    def watched(self, model, optimizer, pixels, pid):
        rates.append([g["lr"] for g in optimizer.param_groups])
        assert len(pixels) == 8
        return learn(self, model, optimizer, pixels, pid)

    monkeypatch.setattr(IDE, "learn", watched)
    ide = toy(epochs=1, lr=0.01, backbone_lr=0.001)
    ide.fit(ide.build(6), persons, loop())
    assert len(rates) == 48 // 8
    assert rates[:4] == [[0.001, 0.01]] * 4
    assert rates[4:] == [pytest.approx([0.0001, 0.001])] * 2


def test_every_image_is_seen_once_an_epoch(persons, loop, monkeypatch):
    seen = []
    monkeypatch.setattr(IDE, "learn", lambda self, m, o, x, pid: seen.extend(pid) or {})
    ide = toy(epochs=2)
    ide.fit(ide.build(6), persons, loop())
    assert torch.stack(seen).bincount().tolist() == [16] * 6


def test_groups_hold_every_weight_that_learns():
    ide = toy(batch_norm="frozen")
    model = ide.build(6)
    groups = ide.optimizer(model).param_groups
    grouped = {id(p) for g in groups for p in g["params"]}
    assert grouped == {id(p) for p in model.parameters() if p.requires_grad}
    assert {id(p) for p in groups[1]["params"]} == {id(p) for p in model.head.parameters()}
    assert all(g["nesterov"] and g["momentum"] == 0.9 for g in groups)
    assert all(g["weight_decay"] == 5e-4 for g in groups)


def test_augmentation_is_used(persons, loop, monkeypatch):
    drawn = []

    def batches(**changes):
        drawn.clear()
        ide = toy(epochs=1, **changes)
        ide.fit(ide.build(6), persons, loop(str(changes)))
        return torch.cat(drawn)

    monkeypatch.setattr(IDE, "learn", lambda self, m, o, x, pid: drawn.append(x.clone()) or {})
    plain = batches(flip=False, enlarge=1.0)
    originals = persons.images(slice(None), torch.device("cpu")).pixels
    assert plain.sum().item() == pytest.approx(originals.sum().item(), rel=1e-4)
    assert not torch.equal(plain, batches(flip=True, enlarge=1.0))
    assert not torch.equal(plain, batches(flip=False, enlarge=1.25))


def test_each_step_draws_its_augmentation_anew(persons, loop):
    drawn = []

    class Watched(Augmentation):
        def __call__(self, images, generator):
            drawn.append(generator.initial_seed())
            return super().__call__(images, generator)

    ide = toy(epochs=1)
    ide.augmentation = Watched()
    ide.fit(ide.build(6), persons, loop())
    assert len(set(drawn)) == len(drawn) == 48 // 8


def test_one_step_is_one_of_cross_entropy():
    ide = toy()
    model = ide.build(6).train()
    model.head[3].p = 0.0
    reference = copy.deepcopy(model)
    pixels, pid = torch.rand(8, 3, 32, 16), torch.arange(8) % 6
    log = ide.learn(model, ide.optimizer(model), pixels, pid)
    logits = reference(pixels)
    loss = -logits.log_softmax(1)[torch.arange(8), pid].mean()
    assert log["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
    loss.backward()
    with torch.no_grad():
        for a, b in zip(model.parameters(), reference.parameters(), strict=True):
            # The first step of SGD with Nesterov's look-ahead goes 1 + momentum times as far.
            expected = b - 0.05 * 1.9 * (b.grad + 5e-4 * b)
            torch.testing.assert_close(a, expected, atol=1e-6, rtol=1e-4)


def killed_at(step):
    def progress(done, total, log):
        if done >= step:
            raise KilledError

    return progress


def test_a_killed_training_resumes_to_the_bit(persons, loop, monkeypatch):
    monkeypatch.setattr("reidbench.engine.loop.SHOW_EVERY", 0.0)
    ide = toy(epochs=2)
    start = ide.build(6)
    whole, first, second = (copy.deepcopy(start) for _ in range(3))
    ide.fit(whole, persons, loop("whole"))
    with pytest.raises(KilledError):
        ide.fit(first, persons, loop("cut", progress=killed_at(5), checkpoint_every=0.0))
    ide.fit(second, persons, loop("cut"))
    state = second.state_dict()
    assert all(torch.equal(v, state[k]) for k, v in whole.state_dict().items())


def test_dropout_is_random_but_the_same_in_every_run(persons, loop):
    ide = toy(epochs=1)
    start = ide.build(6)
    a, b = copy.deepcopy(start), copy.deepcopy(start)
    ide.fit(a, persons, loop("a"))
    torch.rand(7)
    ide.fit(b, persons, loop("b"))
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.parametrize(
    "wrong",
    [{"batch": 1}, {"epochs": 0}, {"dropout": 1.5}, {"lr": -1.0}, {"momentum": 2.0}],
)
def test_refuses_values_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        IDE(**wrong)


def test_images_need_no_labels_to_be_embedded():
    ide = toy()
    model = ide.build(6).eval()
    pixels = Images(torch.rand(1, 3, 32, 16), torch.tensor([-1]), torch.tensor([0])).pixels
    assert ide.embed(model, pixels).shape == (1, 128)


@pytest.mark.parametrize("backbone", ["small-resnet", "resnet18", "densenet121", "swin_t"])
@pytest.mark.parametrize("normalisation", ["imagenet", "half"])
def test_features_are_the_average_of_the_feature_map(backbone, normalisation):
    ide = toy(backbone=backbone, normalisation=normalisation)
    model = ide.build(3).eval()
    pixels = torch.rand(2, 3, 64, 32) * 2 - 1
    with torch.no_grad():
        average = ide.feature_map(model, pixels).mean((2, 3))
        torch.testing.assert_close(average, ide.embed(model, pixels))


@pytest.mark.parametrize("weights", ["gone.pth", "IMAGENET1K_V1"])
def test_a_model_to_load_into_needs_no_file(weights, monkeypatch):
    monkeypatch.setattr("torch.hub.get_dir", lambda: "/nowhere")
    ide = toy(backbone="resnet18", weights=weights)
    with pytest.raises(ReidbenchError, match=r"gone\.pth|not on this machine"):
        ide.build(3)
    blank, built = ide.blank(3), toy(backbone="resnet18", batch_norm="frozen").build(3)
    assert blank.batch_norm == "frozen"
    blank.load_state_dict(built.state_dict())
    assert {n for n, p in blank.named_parameters() if p.requires_grad} == {
        n for n, p in built.named_parameters() if p.requires_grad
    }
