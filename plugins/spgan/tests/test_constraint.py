import copy

import pytest
import torch
from reidbench_spgan.constraint import SiaNet
from torch.nn import functional as F

from reidbench.errors import UsageError
from reidbench.interfaces import Clock, Context, Hop, Images
from reidbench.nn.frozen import frozen
from reidbench.storage.checkpoint import load_state, save_state
from reidbench.testing.tensors import same_weights

CLOCK = Clock(0, 10)


def detached(hops):
    return tuple(h.detach() for h in hops)


def loss_by_definition(network, hops, margin):
    """Compute eq. 6 row by row over the two positive and two negative kinds of pairs."""
    total, kinds = 0.0, 0
    for h in hops:
        for first, second, i in ((h.images.pixels, h.fake, 1), (h.fake, h.style, 0)):
            rows = []
            for a, b in zip(first, second, strict=True):
                d = F.pairwise_distance(network(a[None]), network(b[None]), eps=0)
                rows.append((1 - i) * max(0, margin - d.item()) ** 2 + i * d.item() ** 2)
            total, kinds = total + sum(rows) / len(rows), kinds + 1
    return total / kinds


@pytest.mark.parametrize("margin", [0.0, 1.0, 2.0])
def test_loss_equals_its_definition(make, hops, margin):
    constraint = make(margin=margin, weight=3.0)
    expected = loss_by_definition(constraint.network, hops, margin)
    assert expected > 0
    (term,) = constraint.losses(hops, CLOCK).values()
    assert term.item() == pytest.approx(3.0 * expected, rel=1e-4)
    assert constraint.update(detached(hops), CLOCK)["sianet"].item() == pytest.approx(
        expected, rel=1e-4
    )


def distances(network, hops):
    """Return the mean squared distance of positive pairs, and the mean shortfalls of negatives.

    The negatives are (G(x), y) and (x, y); the margin is 2.
    """
    pairs = {"near": [], "translated": [], "real": []}
    for h in hops:
        real, fake, style = (network(x).detach() for x in (h.images.pixels, h.fake, h.style))
        pairs["near"].append((real - fake).norm(dim=1).square().mean().item())
        for kind, first in (("translated", fake), ("real", real)):
            short = (2 - (first - style).norm(dim=1)).square()
            pairs[kind].append(short.mean().item())
    return pairs


def test_losses_of_the_tensorflow_release(make, hops):
    """2 (pos + pos + 2 neg) / 3, the negative pair being two real images."""
    constraint = make(weight=8 / 3, negative_weight=0.0, negatives="real")
    d = distances(constraint.network, hops)
    assert d["real"][0] == pytest.approx(d["real"][1])
    term = constraint.losses(hops, CLOCK)["similarity"]
    assert term.item() == pytest.approx(2 * sum(d["near"]) / 3, rel=1e-4)
    own = constraint.update(detached(hops), CLOCK)["sianet"].item()
    assert own * 4 / 3 == pytest.approx((sum(d["near"]) + 2 * d["real"][0]) / 3, rel=1e-4)


def test_losses_of_the_pytorch_release(make, hops):
    """2 (pos + pos + 0.5 (neg + neg)) / 4 for the generators; for SiaNet as above."""
    constraint = make(negative_weight=0.5, negatives="real")
    d = distances(constraint.network, hops)
    term = constraint.losses(hops, CLOCK)["similarity"]
    expected = 2 * (sum(d["near"]) + 0.5 * sum(d["translated"])) / 4
    assert term.item() == pytest.approx(expected, rel=1e-4)
    own = constraint.update(detached(hops), CLOCK)["sianet"].item()
    assert own * 4 / 3 == pytest.approx((sum(d["near"]) + 2 * d["real"][0]) / 3, rel=1e-4)


def test_real_negatives_send_the_generators_nothing(make, hops):
    constraint = make(negative_weight=0.0, margin=2.0)
    other = make(negative_weight=0.0, margin=0.0)
    gradients = []
    for c in (constraint, other):
        with frozen(c):
            loss = c.losses(hops, CLOCK)["similarity"]
        gradients.append(torch.autograd.grad(loss, [h.fake for h in hops]))
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_warms_up_by_the_clock(make, hops):
    constraint = make(learn_from=1 / 7, guide_from=2 / 7)
    learns, guides = [], []
    for step in range(0, 21, 3):  # seven epochs of three steps
        learns.append(bool(constraint.update(detached(hops), Clock(step, 21))))
        guides.append(bool(constraint.losses(hops, Clock(step, 21))))
    assert learns == [False] + 6 * [True]
    assert guides == 2 * [False] + 5 * [True]


def test_no_update_leaves_sianet_as_it_is(make, hops):
    constraint = make(learn_from=0.5)
    constraint.update(detached(hops), Clock(4, 10))
    assert same_weights(constraint, make())


def test_generators_get_gradients_of_both_directions_and_sianet_none(make, hops):
    constraint = make()
    with frozen(constraint):
        constraint.losses(hops, CLOCK)["similarity"].backward()
    assert all(h.fake.grad.any() for h in hops)
    assert all(p.grad is None for p in constraint.parameters())


def test_weight_0_runs_and_gives_the_generators_nothing(make, hops):
    constraint = make(weight=0.0)
    before = copy.deepcopy(constraint.network)
    with frozen(constraint):
        constraint.losses(hops, CLOCK)["similarity"].backward()
    assert not any(h.fake.grad.any() for h in hops)
    constraint.update(detached(hops), CLOCK)
    assert not same_weights(before, constraint.network)


def test_weight_does_not_change_what_sianet_itself_learns(make, hops):
    light, heavy = make(weight=0.0), make(weight=9.0)
    for constraint in (light, heavy):
        constraint.update(detached(hops), CLOCK)
    assert same_weights(light, heavy)


def test_update_changes_sianet_alone(make, hops):
    constraint = make()
    before = copy.deepcopy(constraint.network)
    fakes = [h.fake.detach().clone() for h in hops]
    constraint.update(detached(hops), CLOCK)
    assert not same_weights(before, constraint.network)
    assert all(h.fake.grad is None for h in hops)
    assert all(torch.equal(h.fake, f) for h, f in zip(hops, fakes, strict=True))


def test_margin_0_makes_the_style_images_irrelevant(make, hops):
    constraint = make(margin=0.0)
    other = tuple(Hop(h.images, h.fake, -h.style, h.dst) for h in hops)
    assert torch.equal(
        constraint.losses(hops, CLOCK)["similarity"], constraint.losses(other, CLOCK)["similarity"]
    )


def test_learns_to_tell_pairs_apart(make):
    """A fake is its original in another tint; the style images are others in the fake's tint."""
    constraint = make(lr=1e-3)

    def draw():
        real, other = torch.rand(2, 8, 3, 32, 16) * 2 - 1
        real, other = (F.interpolate(F.avg_pool2d(x, 8) * 6, scale_factor=8) for x in (real, other))
        tint = torch.tensor([0.5, -0.3, 0.1]).view(1, 3, 1, 1)
        rows = torch.zeros(8, dtype=torch.long)
        return (Hop(Images(real, rows, rows), real + tint, other + tint, rows + 1),)

    for step in range(120):
        constraint.update(draw(), Clock(step, 120))
    (hop,) = draw()
    with torch.no_grad():
        real, fake, style = map(constraint.network, (hop.images.pixels, hop.fake, hop.style))
    near, far = (real - fake).norm(dim=1).mean(), (fake - style).norm(dim=1).mean()
    assert near < 0.5 < 1.0 < far


def test_resumes_to_the_bit(make, hops, tmp_path):
    whole, half, resumed = make(), make(), make()
    for _ in range(4):
        whole.update(detached(hops), CLOCK)
    for _ in range(2):
        half.update(detached(hops), CLOCK)
    save_state(tmp_path / "state", {"c": half, **half.optimizers()}, 2)
    load_state(tmp_path / "state", {"c": resumed, **resumed.optimizers()})
    for _ in range(2):
        resumed.update(detached(hops), CLOCK)
    assert same_weights(whole, resumed)


def test_asks_nothing_of_the_translator():
    assert SiaNet().needs == frozenset()
    assert SiaNet().sampling == "any"


@pytest.mark.parametrize(
    "wrong",
    [
        {"margin": 2.5},
        {"margin": -1.0},
        {"weight": -1.0},
        {"negative_weight": -1.0},
        {"beta1": 2.0},
        {"lr": -1.0},
        {"hidden": 0},
        {"dropout": 1.5},
        {"learn_from": -0.1},
        {"guide_from": 1.1},
    ],
)
def test_refuses_values_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SiaNet(**wrong)


def test_refuses_images_too_small_for_its_layers():
    with pytest.raises(UsageError, match="this benchmark has 16x8"):
        SiaNet().setup(Context((16, 8), 4, 2, torch.device("cpu")))
