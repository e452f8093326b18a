"""HHL's step beside a plain one, the images it draws, and what it learns."""

import copy

import numpy as np
import pytest
import torch
from reidbench_hhl.learner import HHL
from torch.nn import functional as F

from reidbench.data.arrays import ImageArray
from reidbench.engine.streams import stream
from reidbench.interfaces import Images
from reidbench.testing.learners import check_blank, check_resumes, cpu_loop, nearest_are_same

CPU = torch.device("cpu")
TOY = {"backbone": "small-resnet", "bottleneck": 32, "batch": 16, "instances": 4}
TOY |= {"lr": 0.05, "backbone_lr": 0.05}


def toy(**changes):
    return HHL(**(TOY | changes))


def draw_of(hhl, persons, target, folder, step=0):
    return hhl.draw(persons.classes(), target, step, cpu_loop(folder))


def test_a_step_draws_persons_of_the_source_and_images_of_the_target_with_all_views(
    persons, target, tmp_path
):
    hhl = toy(flip=False, enlarge=1.0, target_share=0.25)
    draw = draw_of(hhl, persons, target, tmp_path)
    assert len(draw.labelled) == 16
    assert draw.persons.pid.view(2, 4).eq(draw.persons.pid.view(2, 4)[:, :1]).all()
    assert len(set(draw.views.pid.tolist())) == 4
    assert draw.views.pid.tolist() == draw.views.pid[:4].tolist() * 4
    assert draw.views.fake.tolist() == [False] * 4 + [True] * 12
    own = draw.views.pixels[torch.arange(4) + 4 * (1 + draw.views.cam[:4])]
    assert torch.equal(own, draw.views.pixels[:4])  # in the style of its camera each is itself


def test_every_image_of_the_target_is_seen_once_in_a_pass(persons, target, tmp_path):
    hhl, seen = toy(flip=False, enlarge=1.0, target_share=0.25), []
    for step in range(6):
        shown = draw_of(hhl, persons, target, tmp_path, step).views.pixels[:4]
        seen += [
            (target.images.images(np.arange(24), CPU).pixels == x).flatten(1).all(1) for x in shown
        ]
    assert torch.stack(seen).sum(0).tolist() == [1] * 24


@pytest.mark.parametrize(("batch", "persons_", "shown"), [(128, 8, 16), (32, 2, 4), (8, 2, 2)])
def test_shares_are_of_the_batch(persons, target, tmp_path, batch, persons_, shown):
    draw = draw_of(toy(batch=batch, instances=8), persons, target, tmp_path)
    counts = len(draw.labelled), len(draw.persons), len(draw.views)
    assert counts == (batch, persons_ * 8, shown * 4)


def released(model, draw):
    """Return the released loss: hardest positive and negative among all, from loops."""
    features = torch.cat([model.embedded(draw.persons.pixels), model.embedded(draw.views.pixels)])
    names = [("source", p) for p in draw.persons.pid.tolist()]
    names += [("target", p) for p in draw.views.pid.tolist()]
    terms = []
    for i, own in enumerate(names):
        far = [(features[i] - f).norm() for f, n in zip(features, names, strict=True) if n == own]
        near = [(features[i] - f).norm() for f, n in zip(features, names, strict=True) if n != own]
        terms.append((0.3 + max(far) - min(near)).clamp(min=0))
    return torch.stack(terms).mean()


def test_a_step_goes_down_the_released_loss(persons, target, tmp_path):
    hhl = toy(dropout=0.0, momentum=0.0, weight_decay=0.0)
    model = hhl.build(6).train()
    torch.nn.init.normal_(model.triplet.weight)
    draw, plain = draw_of(hhl, persons, target, tmp_path), copy.deepcopy(model)
    logits = plain.head(plain.layer(plain.features(draw.labelled.pixels)))
    identity, triplet = F.cross_entropy(logits, draw.labelled.pid), released(plain, draw)
    gradients = torch.autograd.grad(identity + 0.5 * triplet, [*plain.parameters()])
    log = hhl.connect(model, hhl.optimizer(model), draw)
    assert log["loss"].item() == pytest.approx(identity.item(), rel=1e-5)
    assert log["triplet"].item() == pytest.approx(0.5 * triplet.item(), rel=1e-5)
    assert triplet > 0.01
    for old, new, gradient in zip(plain.parameters(), model.parameters(), gradients, strict=True):
        torch.testing.assert_close(new, old - 0.05 * gradient, rtol=1e-4, atol=1e-5)


def test_source_persons_and_target_images_of_one_number_are_negatives():
    hhl = toy()
    model = hhl.build(2).train()
    features = {
        1.0: torch.tensor([[0.0, 0.0], [0.1, 0.0]]),
        2.0: torch.tensor([[1.0, 0.0], [1.1, 0.0]]),
    }
    model.embedded = lambda pixels: features[pixels[0, 0, 0, 0].item()]
    pid = torch.tensor([0, 0])
    two = [Images(torch.full((2, 3, 1, 1), value), pid, pid) for value in features]
    near = torch.tensor([1.0, 0.9, 0.9, 1.0])  # of the other domain, though the number is the same
    expected = (2.0 + 0.1 - near).clamp(min=0).mean()
    found = toy(margin=2.0).connection(model, *two)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


GOLDEN = [1.791054, 0.1593482, 1.749787, 0.1633163, 1.637812, 0.1817019, 0.05992272]


def test_three_steps_give_the_recorded_losses(persons, target, tmp_path):
    """Where these numbers move, ``HHL.version`` has to rise."""
    hhl = toy(flip=False, enlarge=1.0)
    assert hhl.version == 1
    with stream("golden", "build"):
        model = hhl.build(6).train()
    optimizer, measured = hhl.optimizer(model), []
    for step in range(3):
        with stream("golden", step):
            log = hhl.connect(model, optimizer, draw_of(hhl, persons, target, tmp_path, step))
        measured += [log["loss"].item(), log["triplet"].item()]
    pixels = persons.images(np.arange(8), CPU).pixels
    measured.append(hhl.embed(model.eval(), pixels).square().mean().item())
    assert measured == pytest.approx(GOLDEN, rel=1e-3)


def spread(hhl, model, target):
    """Return the distance of an image to its views, over that to other images."""
    groups = target.groups(np.arange(len(target)))
    pid = torch.from_numpy(groups.pids)
    with torch.no_grad():
        features = F.normalize(
            hhl.embed(model.eval(), groups.images(np.arange(len(pid)), CPU).pixels)
        )
    distance, same = torch.cdist(features, features), pid[:, None] == pid
    return (distance[same].mean() / distance[~same].mean()).item()


def test_learns_the_sources_persons_and_to_disregard_the_targets_cameras(persons, target, tmp_path):
    hhl = toy(epochs=8, triplet=1.0, target_share=0.5)
    start = hhl.build(6)
    adapted, plain = copy.deepcopy(start), copy.deepcopy(start)
    hhl.adapt(adapted, persons, target, cpu_loop(tmp_path / "adapted"))
    hhl.fit(plain, persons, cpu_loop(tmp_path / "plain"))
    assert nearest_are_same(hhl, adapted, persons) > 0.9
    assert spread(hhl, adapted, target) < 0.8 * spread(hhl, plain, target)


def test_identities_of_the_target_are_not_read(persons, target, tmp_path):
    assert (target.images.pids == -1).all()
    hhl, models = toy(epochs=1), []
    for folder, shift in (("a", 0), ("b", 7)):
        shifted = [
            ImageArray(a.pixels, a.pids + shift, a.cams) for a in (target.images, target.views)
        ]
        torch.manual_seed(0)
        models.append(hhl.build(6))
        hhl.adapt(models[-1], persons, type(target)(*shifted), cpu_loop(tmp_path / folder))
    for a, b in zip(*(m.state_dict().values() for m in models), strict=True):
        assert torch.equal(a, b)


def test_a_killed_training_resumes_to_the_bit(persons, target, tmp_path):
    class Adapting(HHL):
        """Learns from the target as well wherever it is asked to fit."""

        def fit(self, model, data, loop):
            self.adapt(model, data, target, loop)

    check_resumes(Adapting(**TOY, epochs=2), persons, tmp_path, killed_at=4)


def test_a_blank_model_takes_the_weights(persons):
    check_blank(toy(), persons)


def test_without_a_bottleneck_both_branches_stand_on_the_features():
    model = toy(bottleneck=0).build(6).eval()
    pixels = torch.randn(2, 3, 32, 16)
    features = model.features(pixels)
    torch.testing.assert_close(model(pixels), model.head(features))
    torch.testing.assert_close(model.embedded(pixels), model.triplet(features))
    assert model.embedded(pixels).shape == (2, 128)


@pytest.mark.parametrize(
    "wrong", [{"margin": -1.0}, {"instances": 0}, {"target_share": 1.5}, {"triplet_features": 0}]
)
def test_refuses_values_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        HHL(**wrong)
