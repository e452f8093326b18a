import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from reidbench_espgan.constraint import JointLearner

from reidbench.engine.descent import descend
from reidbench.errors import ReidbenchError
from reidbench.interfaces import Clock, Hop, Images
from reidbench.nn.frozen import frozen
from reidbench.storage.checkpoint import load_state, save_state
from reidbench.testing.learners import SmallLearner
from reidbench.testing.toys import ToyLearner

CLOCK = Clock(0, 30)


def detached(hops):
    return tuple(h.detach() for h in hops)


def same_state(a, b):
    first, second = a.state_dict(), b.state_dict()
    return all(torch.equal(first[k], second[k]) for k in first)


def cross_entropy(model, pixels, pids):
    """Compute eq. 9 in double precision, row by row."""
    rows = []
    for image, pid in zip(pixels, pids, strict=True):
        scores = model(image[None]).detach().numpy().astype(float)[0]
        rows.append(np.log(np.exp(scores).sum()) - scores[pid])
    return np.mean(rows)


@pytest.mark.parametrize("reconstructed", [False, True])
def test_guides_by_the_cross_entropy_of_translated_source_images(make, hops, reconstructed):
    constraint = make(weight=3.0, reconstructed=reconstructed)
    there, _ = hops
    images = [there.fake, there.rec] if reconstructed else [there.fake]
    pids = there.images.pid.repeat(len(images))
    expected = 3.0 * cross_entropy(copy.deepcopy(constraint.model), torch.cat(images), pids)
    (term,) = constraint.losses(hops, CLOCK).values()
    assert term.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("reconstructed", [False, True])
def test_gradients_reach_translated_source_images_and_nothing_else(make, hops, reconstructed):
    constraint = make(reconstructed=reconstructed)
    with frozen(constraint):
        constraint.losses(hops, CLOCK)["identity"].backward()
    there, back = hops
    assert there.fake.grad.abs().sum() > 0
    assert (there.rec.grad is not None) == reconstructed
    assert back.fake.grad is None
    assert back.rec.grad is None
    assert all(p.grad is None for p in constraint.parameters())


def test_what_guides_has_no_dropout_and_counts_no_statistics(make, hops):
    constraint = make()
    constraint.update(detached(hops), CLOCK)
    before = copy.deepcopy(constraint.model)
    first, second = (constraint.losses(hops, CLOCK)["identity"] for _ in range(2))
    assert torch.equal(first, second)
    assert same_state(before, constraint.model)


@pytest.mark.parametrize("real", [True, False])
def test_learns_from_as_many_real_as_translated_images(make, hops, real):
    constraint = make(real=real, learner=ToyLearner())
    model = copy.deepcopy(constraint.model)
    there, _ = hops
    images = [there.images.pixels, there.fake.detach()] if real else [there.fake.detach()]
    colours = torch.cat(images).mean((2, 3))
    loss = torch.nn.functional.cross_entropy(model(colours), there.images.pid.repeat(len(images)))
    loss.backward()
    log = constraint.update(detached(hops), CLOCK)
    assert log["learner"].item() == pytest.approx(loss.item(), rel=1e-6)
    for ours, theirs in zip(constraint.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs - 0.01 * theirs.grad)


def test_learns_in_training_mode(make, hops):
    constraint = make()
    torch.manual_seed(1)
    first = constraint.update(detached(hops), CLOCK)["learner"]
    assert constraint.model[4].num_batches_tracked == 1
    other = make()
    torch.manual_seed(2)
    assert first != other.update(detached(hops), CLOCK)["learner"]


def test_rates_are_a_tenth_in_the_last_third(make, hops):
    constraint = make()
    for step, expected in ((0, 0.01), (19, 0.01), (20, 0.001), (29, 0.001)):
        constraint.update(detached(hops), Clock(step, 30))
        assert constraint.optimizer.param_groups[0]["lr"] == pytest.approx(expected)


def test_a_learner_of_lower_rates_keeps_them(make):
    constraint = make(learner=ToyLearner(lr=0.002))
    assert constraint.optimizer.param_groups[0]["lr"] == 0.002


@pytest.mark.parametrize("scratch", [(0.2, 0.2), (0.01, 0.1), (0.001, 0.01)])
def test_the_backbone_learns_at_a_tenth_of_the_new_layers_rate(make, scratch):
    learner = pytest.importorskip("reidbench_ide.learner").IDE(
        backbone="small-resnet", backbone_lr=scratch[0], lr=scratch[1]
    )
    rates = [group["lr"] for group in make(learner=learner).optimizer.param_groups]
    assert rates == [0.001, 0.01]


def test_the_backbones_batch_normalisation_keeps_the_sources_statistics(make, hops):
    ide = pytest.importorskip("reidbench_ide.learner").IDE(backbone="small-resnet", dropout=0.0)
    constraint = make(learner=ide)
    norms = {k: v.clone() for k, v in constraint.model.backbone.named_buffers() if "running" in k}
    before = copy.deepcopy(constraint.model)
    for step in range(3):
        constraint.update(detached(hops), Clock(step, 30))
    after = dict(constraint.model.backbone.named_buffers())
    assert norms
    assert all(torch.equal(after[k], v) for k, v in norms.items())
    assert not same_state(before, constraint.model)


def test_the_naive_learner_guides_and_never_learns(make, hops):
    naive, joint = make(frozen=True), make()
    assert (naive.makes_model, joint.makes_model) == (False, True)
    assert naive.losses(hops, CLOCK)["identity"] == joint.losses(hops, CLOCK)["identity"]
    assert naive.update(detached(hops), CLOCK) == {}
    assert same_state(naive, make(frozen=True))
    assert naive.embedder() is None
    assert joint.embedder() is joint.model
    assert (set(naive.optimizers()), set(joint.optimizers())) == (set(), {"optimizer"})


def tinted(pids):
    """Return a hop of persons that are colours; the translation gives a negative."""
    palette = torch.tensor([[0.8, -0.5, -0.5], [-0.5, 0.8, -0.5], [-0.5, -0.5, 0.8], [0.6] * 3])
    real = palette[pids][:, :, None, None] + 0.1 * torch.randn(len(pids), 3, 8, 4)
    return (Hop(Images(real, pids, pids * 0), -real, real, pids * 0 + 1),)


def test_comes_to_know_persons_in_a_style_it_had_never_seen(make):
    constraint = make()
    for step in range(150):
        constraint.update(tinted(torch.randint(4, (16,))), Clock(step, 150))
    (hop,) = tinted(torch.randint(4, (200,)))
    constraint.model.eval()
    for images in (hop.images.pixels, hop.fake):
        right = constraint.model(images).argmax(1) == hop.images.pid
        assert right.float().mean() > 0.9


def known(model, hop):
    """Return the accuracy of C on the real images of a hop."""
    right = model.eval()(hop.images.pixels).argmax(1) == hop.images.pid
    return right.float().mean().item()


def test_keeps_its_ability_while_the_generators_draw_noise(make):
    """C was trained from scratch at a rate of 1; at that rate it would be left with 0.26."""
    learner = SmallLearner(dropout=0.0, lr=1.0)
    constraint = make(learner=learner)
    scratch = learner.optimizer(constraint.model.train())
    torch.manual_seed(0)
    for _ in range(200):
        (hop,) = tinted(torch.randint(4, (16,)))
        descend(scratch, learner.loss(constraint.model, hop.images.pixels, hop.images.pid))
    (test,) = tinted(torch.randint(4, (400,)))
    assert known(constraint.model, test) > 0.95
    for step in range(75):
        (hop,) = tinted(torch.randint(4, (8,)))
        noise = replace(hop, fake=torch.rand_like(hop.fake) * 2 - 1)
        constraint.update((noise,), Clock(step, 75))
    assert known(constraint.model, test) > 0.95


def test_the_guided_images_come_to_be_known(make):
    """Descending its loss alone makes C see the right persons in noise."""
    constraint = make(learner=ToyLearner(lr=1.0), real=False, lr=1.0)
    for step in range(100):
        constraint.update(tinted(torch.randint(4, (16,))), Clock(step, 100))
    (hop,) = tinted(torch.arange(4))
    fake = torch.zeros_like(hop.fake).requires_grad_()
    optimizer = torch.optim.SGD([fake], 5.0)
    guided = (replace(hop, fake=fake),)
    for _ in range(50):
        optimizer.zero_grad()
        loss = constraint.losses(guided, CLOCK)["identity"]
        loss.backward()
        optimizer.step()
    assert torch.equal(constraint.model(fake.mean((2, 3))).argmax(1), hop.images.pid)


def test_resumes_to_the_bit(make, hops, tmp_path):
    def learn(constraint, steps):
        for step in steps:
            torch.manual_seed(step)
            constraint.losses(hops, Clock(step, 5))
            constraint.update(detached(hops), Clock(step, 5))

    whole, half, resumed = make(), make(), make()
    learn(whole, range(5))
    learn(half, range(3))
    save_state(tmp_path / "state", {"c": half, **half.optimizers()}, 3)
    load_state(tmp_path / "state", {"c": resumed, **resumed.optimizers()})
    learn(resumed, range(3, 5))
    assert same_state(whole, resumed)


def test_needs_a_known_person(make, hops):
    with pytest.raises(ReidbenchError, match="no translated image of a known person"):
        make().losses(hops[1:], CLOCK)


def test_asks_for_the_source_model_of_the_runs_learner():
    assert JointLearner.source_learner == "learner"
    assert JointLearner().needs == frozenset()
    assert JointLearner(reconstructed=True).needs == {"rec"}


@pytest.mark.parametrize(
    "wrong", [{"weight": -1.0}, {"decay_from": 1.5}, {"lr": -1.0}, {"backbone_lr": -1.0}]
)
def test_refuses_values_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        JointLearner(**wrong)
