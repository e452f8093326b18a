import copy

import pytest
import torch
from reidbench_stargan.translator import StarGAN
from torch.nn import functional as F

from reidbench.engine.streams import stream
from reidbench.errors import UsageError
from reidbench.interfaces import Batch, Clock, Context, Images
from reidbench.nn.pixels import add_to_image
from reidbench.storage.checkpoint import load_state, save_state
from reidbench.testing.tensors import same_weights
from reidbench.testing.translators import (
    check_discriminators_have_a_rate_of_their_own,
    no_extra_loss,
    train_steps,
)


def domains_of(batch):
    return torch.cat([torch.zeros_like(batch.source.cam), 1 + batch.target.cam])


def published_step(g, d, opt_g, opt_d, batch, dst, adversarial, generator_learns):
    """Make one step in the release's order, every image made anew for the generator."""
    x, c = torch.cat([batch.source.pixels, batch.target.pixels]), domains_of(batch)
    fake = g(x, dst).detach()
    (real_src, real_cls), (fake_src, _) = d(x), d(fake)
    if adversarial == "log":
        d_loss = -(
            torch.sigmoid(real_src).log().mean() + (1 - torch.sigmoid(fake_src)).log().mean()
        )
    else:
        alpha = torch.rand(len(x), 1, 1, 1)
        x_hat = (alpha * x + (1 - alpha) * fake).requires_grad_()
        slope = torch.autograd.grad(d(x_hat)[0].sum(), x_hat, create_graph=True)[0]
        norm = slope.flatten(1).square().sum(1).sqrt()
        d_loss = -real_src.mean() + fake_src.mean() + 10 * ((norm - 1) ** 2).mean()
    d_loss = d_loss - real_cls.log_softmax(1)[torch.arange(len(x)), c].mean()
    opt_d.zero_grad()
    d_loss.backward()
    opt_d.step()
    if not generator_learns:
        return
    fake = g(x, dst)
    src, cls = d(fake)
    g_loss = -src.mean() if adversarial == "wgan-gp" else -torch.sigmoid(src).log().mean()
    g_loss = g_loss - cls.log_softmax(1)[torch.arange(len(x)), dst].mean()
    g_loss = g_loss + 10 * (x - g(fake, c)).abs().mean()
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()


@pytest.fixture
def exact(monkeypatch):
    """Compute in double precision: in single, rounding takes an activation over a ReLU's kink."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(("adversarial", "every"), [("log", 1), ("wgan-gp", 1), ("wgan-gp", 2)])
def test_steps_equal_the_published_algorithm(make, batch, adversarial, every):
    ours = make(adversarial=adversarial, generator_every=every)
    theirs = copy.deepcopy(ours)
    g, d = theirs.generator, theirs.discriminator
    opt_g, opt_d = (torch.optim.Adam(n.parameters(), lr=1e-4, betas=(0.5, 0.999)) for n in (g, d))
    for step in range(4):
        with stream(3, step):
            hops, _ = ours.training_step(batch, no_extra_loss, Clock(step, 100))
        with stream(3, step):
            torch.randperm(4), torch.randperm(4)  # what ours drew before the penalty
            dst = torch.cat([hop.dst for hop in hops])
            learns = step % every == every - 1
            published_step(g, d, opt_g, opt_d, batch, dst, adversarial, learns)
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-8, rtol=0, msg=name)


def test_hops_say_what_happened(make, batch):
    translator = make()
    before = copy.deepcopy(translator.generator)
    (there, back), log = train_steps(translator, batch, 1)
    pixels = torch.cat([batch.source.pixels, batch.target.pixels])
    with torch.no_grad():
        torch.testing.assert_close(there.fake, before(batch.source.pixels, there.dst))
        torch.testing.assert_close(back.fake, before(batch.target.pixels, back.dst))
        home = torch.zeros(4, dtype=torch.long)
        torch.testing.assert_close(there.rec, before(there.fake, home))
        torch.testing.assert_close(back.rec, before(back.fake, 1 + batch.target.cam))
    assert there.images is batch.source
    assert back.images is batch.target
    assert there.idt is back.idt is None
    rec = torch.cat([there.rec, back.rec])
    assert log["cycle"].item() == pytest.approx(10 * F.l1_loss(rec, pixels).item())
    assert set(log) == {"adversarial", "domain_real", "domain_fake", "cycle", "discriminator"}


def style_domains(batch, hop):
    """Return the domain of each real image that stands for a destination."""
    pixels = torch.cat([batch.source.pixels, batch.target.pixels])
    rows = [next(i for i, x in enumerate(pixels) if torch.equal(x, s)) for s in hop.style]
    return domains_of(batch)[rows]


@pytest.mark.parametrize("destinations", ["across", "any"])
def test_each_translated_image_has_a_real_one_of_its_destination(make, batch, destinations):
    translator = make(destinations=destinations)
    seen = set()
    for step in range(12):
        hops, _ = train_steps(translator, batch, 1, first=step, total=100)
        assert all(torch.equal(style_domains(batch, hop), hop.dst) for hop in hops)
        dst = torch.cat([hop.dst for hop in hops])
        assert sorted(dst.tolist()) == sorted(domains_of(batch).tolist())
        seen.add(tuple(dst.tolist()))
        if destinations == "across":
            assert hops[0].dst.min() > 0
            assert hops[1].dst.max() == 0
    assert len(seen) > 6
    if destinations == "any":
        assert any(0 in dst[:4] and max(dst[4:]) > 0 for dst in seen)


def test_batches_of_unequal_size_are_dealt_out_too(make, batch):
    few = Images(batch.source.pixels[:3], batch.source.pid[:3], batch.source.cam[:3])
    for uneven in (Batch(few, batch.target), Batch(batch.target, few)):
        hops, _ = train_steps(make(), uneven, 1)
        assert [len(hop.fake) for hop in hops] == [len(uneven.source), len(uneven.target)]
        assert all(torch.equal(style_domains(uneven, hop), hop.dst) for hop in hops)


def test_an_extra_loss_of_weight_0_changes_not_one_bit(make, batch):
    def weight_0(hops):
        return 0.0 * sum(h.fake.square().sum() for h in hops)

    plain, with_extra = make(), make()
    train_steps(plain, batch, 3)
    train_steps(with_extra, batch, 3, weight_0)
    assert same_weights(plain, with_extra)


def test_an_extra_loss_reaches_the_generator_alone(make, batch):
    plain, with_extra = make(), make()
    train_steps(plain, batch, 1)
    train_steps(
        with_extra, batch, 1, extra_loss=lambda hops: sum(h.fake.square().mean() for h in hops)
    )
    assert not same_weights(plain.generator, with_extra.generator)
    assert same_weights(plain.discriminator, with_extra.discriminator)


def test_each_player_learns_while_the_other_is_held(make, batch):
    translator = make(adversarial="wgan-gp")

    def extra(hops):
        assert not any(p.requires_grad for p in translator.discriminator.parameters())
        assert all(p.grad is None for p in translator.generator.parameters())
        return torch.zeros(())

    train_steps(translator, batch, 1, extra)
    assert all(p.requires_grad for p in translator.parameters())
    assert all(p.grad is not None for p in translator.parameters())


def test_the_generator_rests_between_its_turns(make, batch):
    translator = make(generator_every=3)
    called, moved = [], []
    for step in range(6):
        before = copy.deepcopy(translator)
        hops, log = train_steps(
            translator, batch, 1, lambda hops: called.append(1) or torch.zeros(()), first=step
        )
        moved.append(not same_weights(before.generator, translator.generator))
        assert not same_weights(before.discriminator, translator.discriminator)
        assert ("cycle" in log) == moved[-1]
        assert all(h.fake.requires_grad == h.rec.requires_grad == moved[-1] for h in hops)
    assert moved == [False, False, True] * 2
    assert len(called) == 2


def test_weights_of_the_losses(make, batch):
    _, usual = train_steps(make(adversarial="wgan-gp"), batch, 1)
    _, log = train_steps(make(adversarial="wgan-gp", penalty=20, domain=3, cycle=5), batch, 1)
    factors = {"penalty": 2, "domain_real": 3, "cycle": 0.5, "discriminator": 1}
    for name, factor in factors.items():
        assert log[name].item() == pytest.approx(factor * usual[name].item(), rel=1e-4)


def test_rates_follow_the_clock_down_to_zero(make, batch):
    translator = make()
    for step, expected in ((0, 1e-4), (5, 1e-4), (6, 0.8e-4), (9, 0.2e-4)):
        train_steps(translator, batch, 1, first=step, total=10)
        for optimizer in translator.optimizers().values():
            assert optimizer.param_groups[0]["lr"] == pytest.approx(expected)
    train_steps(translator, batch, 1, first=999, total=1000)
    assert translator.generator_optimizer.param_groups[0]["lr"] == pytest.approx(2e-7)


@pytest.mark.parametrize("parameters", [{}, {"adversarial": "wgan-gp", "generator_every": 2}])
def test_resumes_to_the_bit(make, batch, tmp_path, parameters):
    whole, half, resumed = (make(**parameters) for _ in range(3))
    train_steps(whole, batch, 5)
    train_steps(half, batch, 3)
    assert set(half.optimizers()) == {"generator_optimizer", "discriminator_optimizer"}
    save_state(tmp_path / "state", {"t": half, **half.optimizers()}, 3)
    load_state(tmp_path / "state", {"t": resumed, **resumed.optimizers()})
    train_steps(resumed, batch, 2, first=3)
    assert all(torch.equal(a, resumed.state_dict()[k]) for k, a in whole.state_dict().items())


def test_translates_to_the_domain_asked_for(make, batch):
    translator = make()
    rows = len(batch.source)
    for dst in range(4):
        fake = translator.translate(batch.source, 0, dst)
        assert torch.equal(fake, translator.translate(batch.source, 1, dst))
        expected = translator.generator(batch.source.pixels, torch.full((rows,), dst))
        assert torch.equal(fake, expected)
    assert not torch.equal(fake, translator.translate(batch.source, 0, 1))


def test_two_domains_will_do(batch):
    translator = StarGAN(width=4, blocks=1, discriminator_width=4)
    translator.setup(Context((32, 24), 4, 2, torch.device("cpu")))
    one = Images(batch.target.pixels, batch.target.pid, torch.zeros_like(batch.target.cam))
    hops, _ = train_steps(translator, Batch(batch.source, one), 1)
    assert [hop.dst.tolist() for hop in hops] == [[1] * 4, [0] * 4]


def test_half_precision_stays_near(make, batch):
    logs = []
    for enabled in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            hops, log = train_steps(make(adversarial="wgan-gp"), batch, 1)
        assert all(h.fake.dtype == h.rec.dtype == torch.float32 for h in hops)
        logs.append({k: v.item() for k, v in log.items()})
    assert logs[1] == pytest.approx(logs[0], rel=0.02, abs=2e-3)


@pytest.mark.parametrize("size", [(30, 24), (4, 8), (64, 18)])
def test_refuses_sizes_its_networks_cannot_take(size):
    with pytest.raises(UsageError, match=f"this benchmark has {size[0]}x{size[1]}"):
        StarGAN().setup(Context(size, 4, 2, torch.device("cpu")))


def test_takes_the_least_size():
    translator = StarGAN(width=2, blocks=1, discriminator_width=2)
    translator.setup(Context((8, 8), 4, 2, torch.device("cpu")))
    images = Images(torch.rand(2, 3, 8, 8), torch.arange(2), torch.zeros(2, dtype=torch.long))
    train_steps(translator, Batch(images, images), 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0},
        {"blocks": -1},
        {"layers": 0},
        {"lr": -1.0},
        {"beta1": 1.5},
        {"decay_from": -0.1},
        {"penalty": -1.0},
        {"domain": -1.0},
        {"generator_every": 0},
    ],
)
def test_refuses_values_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        StarGAN(**wrong)


def test_a_constructor_builds_nothing():
    assert not list(StarGAN().parameters())


def test_the_generator_adds_to_its_image_where_asked(make, batch):
    drawn, added = (make(residual=residual) for residual in (False, True))
    assert same_weights(drawn, added)
    image = batch.source.pixels
    for dst in range(4):
        with torch.no_grad():
            fakes = [t.translate(batch.source, 0, dst) for t in (drawn, added)]
        expected = add_to_image(image, torch.atanh(fakes[0]))
        torch.testing.assert_close(fakes[1], expected, rtol=1e-4, atol=1e-5)
    assert "residual" in StarGAN.omitted_from_key_at_default


def test_discriminators_have_a_rate_of_their_own(make, batch):
    check_discriminators_have_a_rate_of_their_own(make, batch, 1e-4, {"discriminator"}, "generator")
    with pytest.raises(ValueError, match="discriminator_lr must be a number of at least 0"):
        make(discriminator_lr=-1.0)
