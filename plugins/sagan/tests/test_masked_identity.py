"""Eq. 5 by hand, and through CycleGAN, which moves no pixels."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from reidbench_sagan.masked_identity import MaskedIdentity
from reidbench_sagan.transforms import TRANSFORMS, sample
from torch.nn import functional as F

from reidbench.errors import ReidbenchError
from reidbench.interfaces import Clock, Context
from reidbench.testing.masked import FAKE, MASK, REAL, masked_hop, trained_under

CLOCK = Clock(0, 10)
SIZE = (16, 8)


def loss(hops, weight=1.0):
    (term,) = MaskedIdentity(weight=weight).losses(hops, CLOCK).values()
    return term


def shifted_left():
    """Return a grid by which each pixel shows its right neighbour; the last column nothing."""
    grid = F.affine_grid(torch.eye(2, 3)[None], [1, 1, 2, 2], align_corners=False)
    return grid + torch.tensor([1.0, 0.0])


def test_loss_by_hand():
    """Differences 0.2, -0.1, 0.8, -1.0 under masks 1, 0.5, 0, 1, over four pixels."""
    assert loss((masked_hop(REAL, FAKE, MASK),)).item() == pytest.approx((0.2 + 0.05 + 1.0) / 4)
    assert loss((masked_hop(REAL, FAKE, MASK),), 5.0).item() == pytest.approx(5 * 1.25 / 4)


def test_image_and_mask_move_together():
    """The right column stands at the left: 0.3 - 0.5 under 0.5, 0.5 - 0.9 under 1."""
    moved = masked_hop(REAL, FAKE, MASK, shifted_left())
    assert loss((moved,)).item() == pytest.approx((0.5 * 0.2 + 0.4) / 4)


def test_what_comes_from_outside_counts_nothing():
    moved = masked_hop(REAL, FAKE, torch.ones_like(MASK), shifted_left())
    other = FAKE.clone()
    other[..., 1] = 7.0
    assert torch.equal(loss((moved,)), loss((replace(moved, fake=other),)))


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
def test_moving_an_image_costs_nothing_if_its_colours_stay(name):
    """Not even at the picture's edge, which the translator continues and ``align`` ends in 0."""
    transform = TRANSFORMS[name](0.9)
    t = transform.bounded(torch.linspace(-1, 1, 2 * transform.raw).sin().view(2, -1) * 3)
    grid = transform.grid(t, *SIZE)
    real = torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    moved = sample(real, grid)
    assert (moved - real).abs().mean() > 0.1
    mask = torch.ones(2, 1, *SIZE)
    assert loss((masked_hop(real, moved, mask, grid),)).item() == pytest.approx(0, abs=1e-6)
    assert loss((masked_hop(real, moved + 0.1, mask, grid),)).item() > 0.03


def test_both_directions_count():
    back = masked_hop(FAKE, REAL, MASK.flip(3), dst=0)
    there = masked_hop(REAL, FAKE, MASK)
    assert loss((there, back)).item() == pytest.approx(loss((there,)).item() + loss((back,)).item())


def test_direction_without_masks_is_left_out():
    there = masked_hop(REAL, FAKE, MASK)
    assert torch.equal(loss((there, masked_hop(FAKE, REAL, None, dst=0))), loss((there,)))


def test_no_masks_at_all_are_an_error():
    with pytest.raises(ReidbenchError, match="no masks"):
        loss((masked_hop(REAL, FAKE, None),))


def test_gradients_are_those_of_finite_differences():
    """With respect to the translated image and S(x), under weights that stay as they were."""
    transform = TRANSFORMS["homography"](0.5)
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.rand(2, 2, 3, 4, 3, generator=generator, dtype=torch.float64)
    mask = torch.rand(2, 1, 4, 3, generator=generator, dtype=torch.float64)
    raw = torch.randn(2, 8, generator=generator, dtype=torch.float64) / 3

    def placed(x, raw):
        grid = transform.grid(transform.bounded(raw), 4, 3)
        return F.grid_sample(x, grid, align_corners=False)

    weights, inside = placed(mask, raw), placed(torch.ones_like(mask), raw)

    def plain(fake, raw):
        return ((fake * inside - placed(real, raw)) * weights).abs().mean()

    inputs = fake.requires_grad_(), raw.requires_grad_()
    assert torch.autograd.gradcheck(plain, inputs)
    ours = loss((masked_hop(real, fake, mask, transform.grid(transform.bounded(raw), 4, 3)),))
    for mine, wanted in zip(
        torch.autograd.grad(ours, inputs), torch.autograd.grad(plain(*inputs), inputs), strict=True
    ):
        torch.testing.assert_close(mine, wanted)


def test_moving_the_person_out_gains_nothing():
    """An image of one colour is the same wherever S moves it; only M would change."""
    transform = TRANSFORMS["homography"](0.5)
    raw = torch.zeros(1, 8, requires_grad=True)
    real, fake = torch.full((2, 1, 3, *SIZE), 0.5)
    mask = torch.zeros(1, 1, *SIZE)
    mask[..., 6:10, 3:5] = 1
    term = loss(
        (masked_hop(real, fake + 0.2, mask, transform.grid(transform.bounded(raw), *SIZE)),)
    )
    term.backward()
    assert term.item() > 0
    assert not raw.grad.any()


def test_weight_0_gives_the_generators_nothing():
    fake, grid = FAKE.clone().requires_grad_(), shifted_left().requires_grad_()
    term = loss((masked_hop(REAL, fake, MASK, grid),), 0.0)
    term.backward()
    assert term.item() == 0
    assert not fake.grad.any()
    assert not grid.grad.any()


def test_reads_masks_and_learns_nothing_itself():
    constraint = MaskedIdentity()
    constraint.setup(Context(SIZE, 4, 2, torch.device("cpu")))
    assert constraint.needs == {"mask"}
    assert constraint.weight == 5.0
    assert [*constraint.parameters()] == []
    assert constraint.optimizers() == {}
    assert constraint.update((masked_hop(REAL, FAKE, MASK),), CLOCK) == {}


def test_refuses_negative_weights():
    with pytest.raises(ValueError, match="weight"):
        MaskedIdentity(weight=-1.0)


def trained(constraints, steps=3):
    """Return CycleGAN's weights, and how far it is from keeping persons, after a few steps."""
    cyclegan = pytest.importorskip("reidbench_cyclegan.translator").CycleGAN
    small = {"width": 4, "blocks": 1, "discriminator_width": 4, "pool": 2, "identity": 0.0}
    weights, hops = trained_under(partial(cyclegan, **small, lr=2e-3), constraints, steps)
    return weights, loss(hops).item()


def test_weight_0_leaves_another_translator_bit_identical():
    plain, _ = trained({})
    silent, _ = trained({"masked-identity": MaskedIdentity(weight=0.0)})
    assert all(torch.equal(a, b) for a, b in zip(plain, silent, strict=True))


def test_another_translator_keeps_persons_with_it():
    _, without = trained({}, 25)
    _, kept = trained({"masked-identity": MaskedIdentity(weight=50.0)}, 25)
    assert kept < 0.8 * without
