import copy
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest
import torch
from reidbench_sagan.translator import SAGAN

from reidbench.engine.streams import stream
from reidbench.errors import ReidbenchError, UsageError
from reidbench.interfaces import Batch, Context
from reidbench.storage.checkpoint import load_state, save_state
from reidbench.testing.tensors import same_weights
from reidbench.testing.translators import train_steps

VARIANTS = [
    {},
    {"spatial": False},
    {"pixel": False},
    {"cycle": "entangled"},
    {"mask": False},
    {"lipschitz": "clip"},
    {"transform": "affine"},
    {"transform": "tps"},
]


def named(module, *parts):
    return [p for n, p in module.named_parameters() if any(part in n for part in parts)]


def test_hops_say_what_happened(bent, batch):
    translator = bent()
    before = copy.deepcopy(translator)
    (there, back), log = train_steps(translator, batch, 1)
    with stream(3, 0):
        codes = torch.randn(4, 8), torch.randn(4, 8)
    for hop, images, dst, code in zip((there, back), both(batch), (1, 0), codes, strict=True):
        assert hop.images is images
        assert hop.style is both(batch)[dst].pixels
        assert hop.dst.tolist() == [dst] * 4
        assert hop.idt is None
        with torch.no_grad():
            fake = before.translate(images, 1 - dst, dst, code)
            warp = before.warp(images, 1 - dst, dst, code)
        torch.testing.assert_close(hop.fake, fake)
        torch.testing.assert_close(hop.grid, warp.grid)
    assert set(log) == {
        *("critics", "penalty", "adversarial", "transform", "pixel_cycle", "spatial_cycle")
    }


def both(batch):
    return batch.source, batch.target


@pytest.mark.parametrize(
    ("parameters", "missing"),
    [
        ({"spatial": False}, {"transform", "spatial_cycle"}),
        ({"pixel": False}, {"pixel_cycle"}),
        ({"cycle": "entangled"}, {"spatial_cycle"}),
        ({"cycle": "entangled", "pixel": False}, {"spatial_cycle"}),
        ({"lipschitz": "clip"}, {"penalty"}),
    ],
)
def test_variants_leave_terms_out(make, batch, parameters, missing):
    _, usual = train_steps(make(), batch, 1)
    hops, log = train_steps(make(**parameters), batch, 1)
    assert set(usual) - set(log) == missing
    assert all((hop.grid is None) == ("transform" in missing) for hop in hops)
    assert all(hop.rec is not None for hop in hops)


@pytest.mark.parametrize("parameters", VARIANTS, ids=str)
def test_every_network_learns_something_finite(make, batch, parameters):
    translator = make(**parameters)
    before = copy.deepcopy(translator)
    _, log = train_steps(translator, batch, 2)
    assert all(torch.isfinite(value) for value in log.values())
    assert all(torch.isfinite(p).all() for p in translator.parameters())
    networks = [n for d in (translator.to_target, translator.to_source) for n in d.children()]
    networks += translator.critics.children()
    assert len(networks) == 7 - 2 * (not translator.pixel) - 3 * (not translator.spatial)
    frozen = {
        n
        for n, p in translator.named_parameters()
        if torch.equal(p, dict(before.named_parameters())[n])
    }
    for network in networks:
        names = {
            n for n, p in translator.named_parameters() if any(p is q for q in network.parameters())
        }
        assert names - frozen


@pytest.mark.parametrize(
    ("cycle", "of_cycle"),
    [
        ("entangled", {"pixel_cycle": {"spatial", "generator"}}),
        ("disentangled", {"pixel_cycle": {"generator"}, "spatial_cycle": {"spatial"}}),
    ],
)
def test_which_terms_move_s_and_which_g(bent, batch, monkeypatch, cycle, of_cycle):
    both_move = {"spatial", "generator"}
    reached = {"adversarial": both_move, "transform": {"spatial"}, **of_cycle}
    for kept, expected in reached.items():
        translator = bent(cycle=cycle)
        adversarial, cycles = translator.critics.adversarial, translator._cycle_losses
        only = partial(silenced, kept)
        monkeypatch.setattr(translator.critics, "adversarial", only(adversarial))
        monkeypatch.setattr(translator, "_cycle_losses", only(cycles))
        train_steps(translator, batch, 1)
        moved = {
            part
            for direction in (translator.to_target, translator.to_source)
            for part in both_move
            if any(p.grad is not None and p.grad.any() for p in named(direction, part))
        }
        assert moved == expected, kept


def silenced(kept, losses):
    """Return ``losses`` with every term but ``kept`` multiplied by 0."""
    return lambda journeys: {k: v * (k == kept) for k, v in losses(journeys).items()}


def test_the_step_of_d_t_moves_only_d_t(bent, batch):
    translator = bent()
    for critic in (translator.critics.target, translator.critics.source):
        critic.requires_grad_(False)
    before = copy.deepcopy(translator)
    with stream(3, 0):
        translator._update_critics(translator._journeys(batch))
    moved = {
        name.split(".layers")[0]
        for (name, new), old in zip(translator.named_parameters(), before.parameters(), strict=True)
        if not torch.equal(new, old)
    }
    assert moved == {"critics.transform"}


def test_critics_are_held_while_the_others_learn(make, batch):
    translator = make()

    def extra(hops):
        assert not any(p.requires_grad for p in translator.critics.parameters())
        return sum(hop.fake.square().mean() for hop in hops)

    plain = make()
    train_steps(plain, batch, 1)
    train_steps(translator, batch, 1, extra)
    assert all(p.requires_grad for p in translator.parameters())
    assert same_weights(plain.critics, translator.critics)
    assert not same_weights(plain.to_target.generator, translator.to_target.generator)


def test_an_extra_loss_of_weight_0_changes_not_one_bit(bent, batch):
    plain, with_extra = bent(), bent()
    train_steps(plain, batch, 2)
    zero = lambda hops: 0.0 * sum(h.fake.square().sum() + h.grid.sum() for h in hops)  # noqa: E731
    train_steps(with_extra, batch, 2, extra_loss=zero)
    assert same_weights(plain, with_extra)


def test_s_and_g_rest_between_their_turns(make, batch):
    translator = make(generator_every=3)
    moved, called = [], []
    for step in range(6):
        before = copy.deepcopy(translator)
        hops, log = train_steps(
            translator, batch, 1, lambda hops: called.append(1) or torch.zeros(()), first=step
        )
        moved.append(not same_weights(before.to_target, translator.to_target))
        assert not same_weights(before.critics, translator.critics)
        assert ("pixel_cycle" in log) == moved[-1]
        assert all(h.fake.requires_grad == h.grid.requires_grad == moved[-1] for h in hops)
    assert moved == [False, False, True] * 2
    assert len(called) == 2


def test_clipping_holds_every_weight_of_the_critics(make, batch):
    translator = make(lipschitz="clip")
    train_steps(translator, batch, 1)
    assert max(p.abs().max() for p in translator.critics.parameters()) <= 0.01
    assert max(p.abs().max() for p in translator.to_target.parameters()) > 0.01


def test_weights_of_the_losses(bent, batch):
    _, usual = train_steps(bent(), batch, 1)
    _, log = train_steps(bent(penalty=20.0, cycle_weight=5.0, pixel_cycle=40.0), batch, 1)
    factors = {"penalty": 2, "pixel_cycle": 2, "spatial_cycle": 0.5, "critics": 1}
    for name, factor in factors.items():
        assert log[name].item() == pytest.approx(factor * usual[name].item(), rel=1e-4)


def test_rates_follow_the_clock_down_to_zero(make, batch):
    translator = make()
    for step, expected in ((0, 5e-4), (5, 5e-4), (6, 4e-4), (9, 1e-4)):
        train_steps(translator, batch, 1, first=step, total=10)
        for optimizer in translator.optimizers().values():
            assert optimizer.param_groups[0]["lr"] == pytest.approx(expected)


@pytest.mark.parametrize("parameters", [{}, {"generator_every": 2, "transform": "tps"}])
def test_resumes_to_the_bit(make, batch, tmp_path, parameters):
    whole, half, resumed = (make(**parameters) for _ in range(3))
    train_steps(whole, batch, 4)
    train_steps(half, batch, 3)
    assert set(half.optimizers()) == {"generator_optimizer", "critic_optimizer"}
    save_state(tmp_path / "state", {"t": half, **half.optimizers()}, 3)
    load_state(tmp_path / "state", {"t": resumed, **resumed.optimizers()})
    train_steps(resumed, batch, 1, first=3)
    assert all(torch.equal(a, resumed.state_dict()[k]) for k, a in whole.state_dict().items())


@pytest.mark.parametrize("parameters", [{}, {"pixel": False}, {"transform": "tps"}], ids=str)
def test_half_precision_stays_near(make, batch, parameters):
    logs = []
    for enabled in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            translator = make(**parameters)
            hops, log = train_steps(translator, batch, 1)
            fake = translator.translate(batch.source, 0, 1)
        assert all(h.fake.dtype == h.rec.dtype == h.grid.dtype == torch.float32 for h in hops)
        assert fake.dtype == torch.float32
        assert fake.isfinite().all()
        logs.append({k: v.item() for k, v in log.items()})
    assert logs[1] == pytest.approx(logs[0], rel=0.03, abs=5e-3)


def test_masks_travel_or_are_missed(make, batch):
    bare = Batch(*(replace(images, mask=None) for images in both(batch)))
    with pytest.raises(ReidbenchError, match="person masks and these images have none"):
        make().translate(bare.source, 0, 1)
    with pytest.raises(ReidbenchError, match="person masks"):
        train_steps(make(), bare, 1)
    blind = make(mask=False)
    train_steps(blind, bare, 1)
    fake = blind.translate(bare.source, 0, 1)
    assert torch.equal(fake, blind.translate(batch.source, 0, 1))
    other = replace(batch.source, mask=1 - batch.source.mask)
    translator = make()
    assert not torch.equal(*(translator.translate(x, 0, 1) for x in (batch.source, other)))


def test_number_of_parameters():
    translator = SAGAN()
    translator.setup(Context((256, 128), 4, 2, torch.device("cpu")))

    def count(module):
        return sum(p.numel() for p in module.parameters())

    published = 11_378_179  # of CycleGAN's generator, which sees three channels
    assert count(translator.to_target.generator) == published + 64 * 49
    assert count(translator.critics.target) == 2_764_737  # of CycleGAN's discriminator
    assert count(translator.critics.transform) == 9 * 64 + 64 + 64 * 64 + 64 + 64 + 1
    channels = [4 + 8, 16, 32, 64, 128, 128]
    layers = sum(16 * i * o + o for i, o in pairwise(channels))
    head = (128 * 8) * 128 + 128 + 128 * 8 + 8
    assert count(translator.to_source.spatial) == layers + head


@pytest.mark.parametrize("size", [(30, 24), (16, 32), (64, 26)])
def test_refuses_sizes_its_networks_cannot_take(size):
    with pytest.raises(UsageError, match=f"this benchmark has {size[0]}x{size[1]}"):
        SAGAN().setup(Context(size, 4, 2, torch.device("cpu")))


def test_a_constructor_builds_nothing():
    assert not list(SAGAN().parameters())
