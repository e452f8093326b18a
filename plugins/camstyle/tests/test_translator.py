import copy

import pytest
import torch
from reidbench_camstyle.translator import CamStyle
from reidbench_cyclegan.translator import CycleGAN

from reidbench.engine.gan import train_step
from reidbench.errors import UsageError
from reidbench.interfaces import UNLABELLED, Batch, Clock, Context, Images
from reidbench.nn.pixels import add_to_image
from reidbench.storage.checkpoint import load_state, save_state
from reidbench.testing.tensors import same_weights
from reidbench.testing.translators import check_discriminators_have_a_rate_of_their_own, train_steps


def test_twelve_pairs_of_networks_for_six_cameras():
    translator = CamStyle(width=2, blocks=1, discriminator_width=2, pool=1)
    translator.setup(Context((32, 24), 4, 1 + 6, torch.device("cpu")))
    generators = [g for p in translator.pairs for g in (p.to_target, p.to_source)]
    discriminators = [d for p in translator.pairs for d in p.discriminators]
    assert (len(generators), len(discriminators)) == (12, 12)
    counts = {sum(p.numel() for p in n.parameters()) for n in generators}
    assert len(counts) == 1
    assert not same_weights(*generators[:2])


def test_each_generator_has_the_released_number_of_parameters():
    pair = CamStyle().new_pair()
    pair.setup(Context((128, 64), 4, 2, torch.device("cpu")))
    assert sum(p.numel() for p in pair.to_target.parameters()) == 11_378_179
    assert pair.provides == {"rec", "idt"}


@pytest.mark.parametrize("identity", [0.0, 5.0])
def test_with_one_camera_it_is_cyclegan(make, context, batch, identity):
    values = {"width": 4, "blocks": 1, "discriminator_width": 4, "pool": 3, "identity": identity}
    torch.manual_seed(7)
    plain = CycleGAN(decay_from=0.6, **values)
    plain.setup(context)
    torch.manual_seed(7)
    ours = CamStyle(**values)
    ours.setup(Context((32, 24), 4, 2, torch.device("cpu")))
    one = Batch(
        batch.source,
        Images(batch.target.pixels, batch.target.pid, torch.zeros_like(batch.target.cam)),
    )
    _, theirs = train_steps(plain, one, 4)
    _, log = train_steps(ours, one, 4)
    assert same_weights(plain, ours)
    assert log == theirs
    assert ours.provides == plain.provides


def test_each_pair_learns_from_its_camera_alone(make, batch):
    translator = make()
    before = copy.deepcopy(translator)
    first, second, third = translator.pairs
    train_steps(translator, batch, 1)
    assert same_weights(before.pairs[1], second)  # camera 1 is not there
    for camera, pair, source, target in ((0, first, [0], [1]), (2, third, [1, 2, 3], [0, 2, 3])):
        alone = copy.deepcopy(before.pairs[camera])
        part = Batch(
            Images(batch.source.pixels[source], batch.source.pid[source], batch.source.cam[source]),
            Images(batch.target.pixels[target], batch.target.pid[target], batch.target.cam[target]),
        )
        train_steps(alone, part, 1)
        assert not same_weights(before.pairs[camera], pair)
        for (name, a), b in zip(pair.named_parameters(), alone.parameters(), strict=True):
            share = len(target) / 4  # an image counts as much as any other
            torch.testing.assert_close(a.grad, share * b.grad, atol=1e-6, rtol=1e-4, msg=name)


def test_hops_are_in_the_order_of_the_batch(make, batch):
    translator = make()
    before = copy.deepcopy(translator)
    (there, back), log = train_steps(translator, batch, 1)
    xs, xt = batch.source.pixels, batch.target.pixels
    assert there.images is batch.source
    assert back.images is batch.target
    assert there.dst.tolist() == [1, 3, 3, 3]
    assert back.dst.tolist() == [0] * 4
    cameras, partners = [0, 2, 2, 2], [1, 0, 2, 3]
    with torch.no_grad():
        for row, (camera, partner) in enumerate(zip(cameras, partners, strict=True)):
            pair, x, y = before.pairs[camera], xs[row : row + 1], xt[partner : partner + 1]
            expected = {
                (there.fake, row): pair.to_target(x),
                (there.rec, row): pair.to_source(pair.to_target(x)),
                (there.idt, row): pair.to_source(x),
                (there.style, row): y,
                (back.fake, partner): pair.to_source(y),
                (back.rec, partner): pair.to_target(pair.to_source(y)),
                (back.idt, partner): pair.to_target(y),
                (back.style, partner): x,
            }
            for (tensor, index), value in expected.items():
                torch.testing.assert_close(tensor[index : index + 1], value, atol=1e-5, rtol=1e-4)
    each = (there.rec - xs).abs().mean() + (back.rec - xt).abs().mean()
    assert log["cycle"].item() == pytest.approx(10 * each.item(), rel=1e-5)


def test_an_extra_loss_of_weight_0_changes_not_one_bit(make, batch):
    plain, silent, loud = make(), make(), make()
    train_steps(plain, batch, 3)
    for translator, weight in ((silent, 0.0), (loud, 1.0)):

        def extra(hops, weight=weight):
            assert len(hops) == 2
            return weight * sum(h.fake.square().sum() for h in hops)

        train_steps(translator, batch, 3, extra)
    assert same_weights(plain, silent)
    assert not same_weights(plain.pairs[2].to_target, loud.pairs[2].to_target)


@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_sianet_runs_on_it(make, batch, context, weight):
    sianet = pytest.importorskip("reidbench_spgan.constraint").SiaNet(weight=weight)
    sianet.setup(context)
    plain, guarded = make(), make()
    for step in range(3):
        train_step(plain, {}, batch, Clock(step, 3), seed=5)
        train_step(guarded, {"sianet": sianet}, batch, Clock(step, 3), seed=5)
    assert same_weights(plain, guarded) == (weight == 0)


def test_every_optimiser_is_checkpointed_and_resuming_is_exact(make, tmp_path):
    batches = [
        Batch(
            Images(torch.rand(3, 3, 32, 24), torch.arange(3), torch.zeros(3, dtype=torch.long)),
            Images(torch.rand(3, 3, 32, 24), torch.full((3,), UNLABELLED), torch.tensor(cams)),
        )
        for cams in ([0, 1, 1], [2, 2, 0], [1, 1, 1], [0, 1, 2], [2, 0, 1])
    ]
    whole, half, resumed = make(), make(), make()
    for step, batch in enumerate(batches):
        train_steps(whole, batch, 1, first=step)
        if step < 3:
            train_steps(half, batch, 1, first=step)
    assert len(half.optimizers()) == 6
    assert {id(o) for o in half.optimizers().values()} == {
        id(o) for p in half.pairs for o in p.optimizers().values()
    }
    save_state(tmp_path / "state", {"t": half, **half.optimizers()}, 3)
    load_state(tmp_path / "state", {"t": resumed, **resumed.optimizers()})
    for step in (3, 4):
        train_steps(resumed, batches[step], 1, first=step)
    assert all(torch.equal(a, resumed.state_dict()[k]) for k, a in whole.state_dict().items())
    lr = whole.pairs[0].generator_optimizer.param_groups[0]["lr"]
    assert lr == pytest.approx(2e-4 * (1 - 4 / 6) / 0.4)


def test_translates_by_the_camera_concerned(make, batch):
    translator, images = make(), batch.source
    for camera, pair in enumerate(translator.pairs):
        assert isinstance(pair, CycleGAN)
        there = translator.translate(images, 0, 1 + camera)
        assert torch.equal(there, pair.to_target(images.pixels))
        back = translator.translate(images, 1 + camera, 0)
        assert torch.equal(back, pair.to_source(images.pixels))
    home = translator.translate(images, 0, 0)
    assert torch.equal(home, translator.pairs[0].to_source(images.pixels))
    across = translator.translate(images, 3, 1)
    assert torch.equal(across, translator.pairs[0].to_target(images.pixels))


def test_refuses_what_cyclegan_refuses():
    with pytest.raises(UsageError, match="this benchmark has 20x20"):
        CamStyle().setup(Context((20, 20), 4, 3, torch.device("cpu")))
    with pytest.raises(ValueError, match="decay_from"):
        CamStyle(decay_from=2.0)
    assert not list(CamStyle().parameters())


def test_every_generator_adds_to_its_image_where_asked(make, batch):
    for pair in make(residual=True).pairs:
        assert pair.to_target.residual
        assert pair.to_source.residual
    drawn, added = (make(residual=residual) for residual in (False, True))
    assert same_weights(drawn, added)
    image = batch.source.pixels
    with torch.no_grad():
        fakes = [t.translate(batch.source, 0, 2) for t in (drawn, added)]
    expected = add_to_image(image, torch.atanh(fakes[0]))
    torch.testing.assert_close(fakes[1], expected, rtol=1e-4, atol=1e-5)
    assert "residual" in CamStyle.omitted_from_key_at_default


def test_discriminators_have_a_rate_of_their_own(make, batch):
    check_discriminators_have_a_rate_of_their_own(
        make, batch, 2e-4, {"pairs.0.target_discriminator"}, "pairs.0.to_target"
    )
    with pytest.raises(ValueError, match="discriminator_lr must be a number of at least 0"):
        make(discriminator_lr=-1.0)
