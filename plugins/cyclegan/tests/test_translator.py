import copy

import pytest
import torch
from reidbench_cyclegan.translator import CycleGAN, sum_l1
from torch.nn import functional as F

from reidbench.errors import UsageError
from reidbench.interfaces import Context
from reidbench.nn.pixels import add_to_image
from reidbench.storage.checkpoint import load_state, save_state
from reidbench.testing.tensors import same_weights
from reidbench.testing.translators import check_discriminators_have_a_rate_of_their_own, train_steps


def adam(parameters):
    return torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999))


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=2e-3, momentum=0.8)


def published_steps(translator, batch, steps, descent=adam):
    """Train a copy as the release does: separate passes, one player after the other, no pool."""
    t = copy.deepcopy(translator)
    g, f, dt, ds = t.to_target, t.to_source, t.target_discriminator, t.source_discriminator
    players = [*g.parameters(), *f.parameters()], [*dt.parameters(), *ds.parameters()]
    opt_g, opt_d = (descent(p) for p in players)
    xs, xt = batch.source.pixels, batch.target.pixels
    for _ in range(steps):
        fake_t, fake_s = g(xs), f(xt)
        loss = ((dt(fake_t) - 1) ** 2).mean() + ((ds(fake_s) - 1) ** 2).mean()
        loss = loss + 10 * (F.l1_loss(f(fake_t), xs) + F.l1_loss(g(fake_s), xt))
        loss = loss + 5 * (F.l1_loss(f(xs), xs) + F.l1_loss(g(xt), xt))
        opt_g.zero_grad()
        loss.backward()
        opt_g.step()
        opt_d.zero_grad()
        for d, real, fake in ((dt, xt, fake_t), (ds, xs, fake_s)):
            (0.5 * (((d(real) - 1) ** 2).mean() + (d(fake.detach()) ** 2).mean())).backward()
        opt_d.step()
    return t


def test_steps_equal_the_published_algorithm(make, batch):
    ours = make(pool=0)
    theirs = published_steps(ours, batch, 3)
    train_steps(ours, batch, 3, total=100)
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        # A bias before a normalisation has no gradient but rounding, which Adam blows up.
        if not name.endswith("bias"):
            torch.testing.assert_close(a, b, atol=2e-5, rtol=0, msg=name)


def test_steps_by_sgd_equal_the_same_algorithm(make, batch):
    ours = make(pool=0, optimizer="sgd", lr=2e-3, momentum=0.8)
    theirs = published_steps(ours, batch, 3, sgd)
    train_steps(ours, batch, 3, total=100)
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=2e-5, rtol=0, msg=name)


def test_hops_say_what_happened(make, batch):
    translator = make()
    before = copy.deepcopy(translator)
    (there, back), log = train_steps(translator, batch, 1)
    xs, xt = batch.source.pixels, batch.target.pixels
    close = torch.testing.assert_close
    close(there.fake, before.to_target(xs))
    close(back.fake, before.to_source(xt))
    close(there.rec, before.to_source(there.fake))
    close(back.rec, before.to_target(back.fake))
    close(there.idt, before.to_source(xs))
    close(back.idt, before.to_target(xt))
    assert there.images is batch.source
    assert back.images is batch.target
    assert torch.equal(there.style, xt)
    assert torch.equal(back.style, xs)
    assert (there.dst.tolist(), back.dst.tolist()) == ([1, 1], [0, 0])
    assert set(log) == {"adversarial", "cycle", "identity", "discriminators"}
    assert log["cycle"].item() == pytest.approx(10 * sum_l1((there, back), "rec").item())


@pytest.mark.parametrize("identity", [0.0, 5.0])
def test_provides_what_its_hops_carry(make, batch, identity):
    translator = make(identity=identity)
    hops, log = train_steps(translator, batch, 1)
    fields = ("rec", "idt", "grid")
    carried = {n for n in fields if all(getattr(h, n) is not None for h in hops)}
    assert carried == translator.provides
    assert ("identity" in log) == (identity > 0)


def test_an_extra_loss_of_weight_0_changes_not_one_bit(make, batch):
    def weight_0(hops):
        return 0.0 * sum(h.fake.square().sum() for h in hops)

    plain, with_extra = make(), make()
    train_steps(plain, batch, 3)
    train_steps(with_extra, batch, 3, weight_0)
    assert same_weights(plain, with_extra)


def test_an_extra_loss_reaches_the_generators_alone(make, batch):
    plain, with_extra = make(pool=0), make(pool=0)
    train_steps(plain, batch, 1)
    train_steps(
        with_extra, batch, 1, extra_loss=lambda hops: sum(h.fake.square().mean() for h in hops)
    )
    assert not same_weights(plain.to_target, with_extra.to_target)
    assert not same_weights(plain.to_source, with_extra.to_source)
    assert same_weights(plain.target_discriminator, with_extra.target_discriminator)


def test_generators_learn_without_gradients_for_the_discriminators(make, batch):
    translator = make()
    rivals = [translator.target_discriminator, translator.source_discriminator]

    def extra(hops):
        assert not any(p.requires_grad for r in rivals for p in r.parameters())
        return torch.zeros(())

    train_steps(translator, batch, 1, extra)
    assert all(p.requires_grad for r in rivals for p in r.parameters())


def test_generators_rest_while_discriminators_learn(make, batch):
    translator = make()
    translator.generator_optimizer.param_groups[0]["initial_lr"] = 0.0
    before = copy.deepcopy(translator)
    train_steps(translator, batch, 1)
    assert same_weights(before.to_target, translator.to_target)
    assert not same_weights(before.target_discriminator, translator.target_discriminator)


def test_generators_rest_between_their_turns(make, batch):
    translator = make(generator_every=3)
    called, moved = [], []
    for step in range(4):
        before = copy.deepcopy(translator)
        hops, log = train_steps(
            translator, batch, 1, lambda hops: called.append(1) or torch.zeros(()), first=step
        )
        moved.append(not same_weights(before.to_target, translator.to_target))
        assert not same_weights(before.target_discriminator, translator.target_discriminator)
        assert ("cycle" in log) == moved[-1]
        assert all(getattr(h, n) is not None for h in hops for n in translator.provides)
    assert moved == [True, False, False, True]
    assert len(called) == 2


def test_what_the_releases_change_in_the_networks(make, batch):
    pixels = batch.source.pixels  # 32x24
    translator = make(same_padding=True, discriminator_norm=True, affine=True, init="xavier")
    scores = translator.target_discriminator(pixels)
    assert scores.shape == (2, 1, 4, 3)
    assert make().target_discriminator(pixels).shape == (2, 1, 2, 1)
    norms = [m for m in translator.modules() if isinstance(m, torch.nn.GroupNorm)]
    assert all(m.affine for m in norms)
    assert len(norms) == 2 * (7 + 3)
    train_steps(translator, batch, 1)
    assert all(m.bias.any() for m in norms)


def test_initial_weights_by_name(make):
    drawn = {init: make(init=init).to_target.layers[1] for init in ("normal", "xavier", "pytorch")}
    fan_in, fan_out = 3 * 49, 4 * 49
    expected = {
        "normal": 0.02,
        "xavier": (2 / (fan_in + fan_out)) ** 0.5,
        "pytorch": (1 / (3 * fan_in)) ** 0.5,
    }
    for init, layer in drawn.items():
        assert layer.weight.std().item() == pytest.approx(expected[init], rel=0.1)
        assert bool(layer.bias.any()) == (init == "pytorch")


def test_rates_follow_the_clock(make, batch):
    translator = make(decay_from=0.5)
    for step, expected in ((0, 2e-4), (4, 2e-4), (5, 2e-4), (6, 1.6e-4), (9, 0.4e-4)):
        train_steps(translator, batch, 1, first=step, total=10)
        for optimizer in translator.optimizers().values():
            assert optimizer.param_groups[0]["lr"] == pytest.approx(expected)


def test_both_optimisers_are_checkpointed(make):
    assert set(make().optimizers()) == {"generator_optimizer", "discriminator_optimizer"}


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_resumes_to_the_bit(make, batch, tmp_path, optimizer):
    whole, half, resumed = (make(optimizer=optimizer) for _ in range(3))
    train_steps(whole, batch, 5)
    train_steps(half, batch, 3)
    save_state(tmp_path / "state", {"t": half, **half.optimizers()}, 3)
    load_state(tmp_path / "state", {"t": resumed, **resumed.optimizers()})
    train_steps(resumed, batch, 2, first=3)
    assert whole.target_pool.filled == 3
    assert all(torch.equal(a, resumed.state_dict()[k]) for k, a in whole.state_dict().items())


def test_translates_both_ways(make, batch):
    translator = make()
    pixels, images = batch.source.pixels, batch.source
    for src in (0, 1):
        assert torch.equal(translator.translate(images, src, 1), translator.to_target(pixels))
        assert torch.equal(translator.translate(images, src, 0), translator.to_source(pixels))


def test_learns_to_keep_colours_with_the_identity_loss(make, batch):
    translator = make(lr=5e-3)
    first = sum_l1(train_steps(translator, batch, 1, total=40)[0], "idt").item()
    last = sum_l1(train_steps(translator, batch, 40, total=40)[0], "idt").item()
    assert last < 0.6 * first


@pytest.mark.parametrize("size", [(30, 24), (20, 20), (64, 20)])
def test_refuses_sizes_its_networks_cannot_take(size):
    context = Context(size, 4, 2, torch.device("cpu"))
    with pytest.raises(UsageError, match=f"this benchmark has {size[0]}x{size[1]}"):
        CycleGAN().setup(context)


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0},
        {"blocks": -1},
        {"lr": -1.0},
        {"beta1": 1.5},
        {"momentum": 1.5},
        {"decay_from": -0.1},
        {"pool": -1},
        {"generator_every": 0},
    ],
)
def test_refuses_values_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CycleGAN(**wrong)


def test_a_constructor_builds_nothing():
    assert not list(CycleGAN().parameters())


def test_both_generators_add_to_their_image_where_asked(make, batch):
    drawn, added = (make(residual=residual) for residual in (False, True))
    assert same_weights(drawn, added)
    for images, src, dst in ((batch.source, 0, 1), (batch.target, 1, 0)):
        with torch.no_grad():
            fakes = [t.translate(images, src, dst) for t in (drawn, added)]
        expected = add_to_image(images.pixels, torch.atanh(fakes[0]))
        torch.testing.assert_close(fakes[1], expected, rtol=1e-4, atol=1e-5)
    assert "residual" in CycleGAN.omitted_from_key_at_default


def test_discriminators_have_a_rate_of_their_own(make, batch):
    check_discriminators_have_a_rate_of_their_own(
        make, batch, 2e-4, {"source_discriminator", "target_discriminator"}, "to_target"
    )
    with pytest.raises(ValueError, match="discriminator_lr must be a number of at least 0"):
        make(discriminator_lr=-1.0)
