"""The pairs of SA-GAN, section III-A. Embeddings are angles here, so that losses are by hand."""

import math
from dataclasses import replace

import pytest
import torch
from reidbench_spgan.constraint import SiaNet
from reidbench_spgan.pairs import spatial_pairs
from torch import nn
from torch.nn import functional as F

from reidbench.interfaces import Clock, Hop, Images
from reidbench.nn.frozen import frozen

CLOCK = Clock(0, 10)
MARGIN = 1.2
X, Y, X_ADP, Y_ADP = 1.0, 0.3, 0.8, 0.5
LEFT, ALL = 0.5, 1.0  # the shares of X and of Y that stay in the picture
X_S, Y_S = X * LEFT, Y * ALL


class Angle(nn.Module):
    """Embeds an image as the point of the unit circle at the angle of its mean."""

    def __init__(self):
        super().__init__()
        self.turn = nn.Parameter(torch.zeros(()))

    def forward(self, images):
        angle = images.mean((1, 2, 3)) + self.turn
        return torch.stack([angle.cos(), angle.sin()], 1)


def flat(value):
    return torch.full((2, 3, 32, 16), value)


def keeping(share):
    """Return a grid that shows the left ``share`` of an image, and nothing to the right of it."""
    theta = torch.eye(2, 3).repeat(2, 1, 1)
    theta[:, 0, 2] = 2 * (1 - share)
    return F.affine_grid(theta, [2, 3, 32, 16], align_corners=False).requires_grad_()


def hop(real, fake, style, grid):
    rows = torch.zeros(len(real), dtype=torch.long)
    return Hop(Images(real, rows, rows), fake.requires_grad_(), style, rows, grid=grid)


@pytest.fixture
def moving():
    x, y = flat(X), flat(Y)
    return hop(x, flat(X_ADP), y, keeping(LEFT)), hop(y, flat(Y_ADP), x, keeping(ALL))


@pytest.fixture
def still(moving):
    return tuple(replace(h, grid=None) for h in moving)


@pytest.fixture
def angles(make):
    def build(**parameters):
        constraint = make(pairs="spatial", margin=MARGIN, weight=3.0, **parameters)
        constraint.network = Angle()
        constraint.optimizer = torch.optim.SGD(constraint.network.parameters(), lr=0.1)
        return constraint

    return build


def near(a, b):
    """Return d^2, the squared chord between two angles."""
    return (2 * math.sin(abs(a - b) / 2)) ** 2


def far(a, b):
    return max(0.0, MARGIN - 2 * math.sin(abs(a - b) / 2)) ** 2


THERE = [near(X, X_S), near(X, X_ADP), far(X, Y_S), far(X, Y)]
BACK = [near(Y, Y_S), near(Y, Y_ADP), far(Y, X_S), far(Y, X)]


def test_loss_is_that_of_the_eight_kinds_of_pairs(angles, moving):
    expected = sum(THERE + BACK) / 8
    constraint = angles()
    assert constraint.losses(moving, CLOCK)["similarity"].item() == pytest.approx(3 * expected)
    detached = tuple(h.detach() for h in moving)
    assert constraint.update(detached, CLOCK)["sianet"].item() == pytest.approx(expected)


def test_weight_of_the_negatives_is_the_generators_alone(angles, moving):
    constraint = angles(negative_weight=0.5)
    positive = sum(THERE[:2] + BACK[:2])
    negative = sum(THERE[2:] + BACK[2:])
    shown = constraint.losses(moving, CLOCK)["similarity"].item()
    assert shown == pytest.approx(3 * (positive + 0.5 * negative) / 8)
    own = constraint.update(tuple(h.detach() for h in moving), CLOCK)["sianet"].item()
    assert own == pytest.approx((positive + negative) / 8)


def test_without_moved_pixels_two_kinds_a_direction_are_left(angles, still):
    expected = sum([THERE[1], THERE[3], BACK[1], BACK[3]]) / 4
    assert angles().losses(still, CLOCK)["similarity"].item() == pytest.approx(3 * expected)


def test_destination_that_is_not_translated_has_no_moved_images(angles, moving):
    expected = sum([THERE[0], THERE[1], THERE[3]]) / 3
    assert angles().losses(moving[:1], CLOCK)["similarity"].item() == pytest.approx(3 * expected)


def test_moved_images_of_the_other_direction_are_found_after_detaching(moving):
    pairs = spatial_pairs(tuple(h.detach() for h in moving))
    assert len(pairs) == 8
    torch.testing.assert_close(pairs[2].second, pairs[4].second)


def test_gradients_reach_transforms_and_generators_but_not_sianet(angles, moving):
    constraint = angles()
    with frozen(constraint):
        constraint.losses(moving, CLOCK)["similarity"].backward()
    assert all(h.grid.grad.any() and h.fake.grad.any() for h in moving)
    assert constraint.network.turn.grad is None


@pytest.mark.parametrize(("margin", "moved"), [(0.0, False), (2.0, True)])
def test_pushing_x_from_y_s_moves_the_other_directions_transform(make, moving, margin, moved):
    """X's own transform gets nothing of its direction's negatives."""
    constraint = make(pairs="spatial", margin=margin)
    constraint.network = Angle()
    there, back = moving
    terms = constraint.losses((there, replace(back, fake=back.fake.detach())), CLOCK)
    near_only = make(pairs="spatial", margin=margin, negative_weight=0.0)
    near_only.network = constraint.network
    pulled = near_only.losses(moving, CLOCK)["similarity"]
    (pushed,) = torch.autograd.grad(terms["similarity"] - pulled, back.grid)
    assert bool(pushed.abs().max() > 1e-9) == moved


def test_identity_at_the_start_gives_finite_gradients(make, moving):
    """The distance is 0 if X_S equals X, and its own slope is not defined there."""
    constraint = make(pairs="spatial")
    grids = [keeping(1.0), keeping(1.0)]
    hops = tuple(replace(h, grid=g) for h, g in zip(moving, grids, strict=True))
    constraint.losses(hops, CLOCK)["similarity"].backward()
    assert all(g.grad.isfinite().all() for g in grids)


def test_asks_nothing_of_the_translator():
    assert SiaNet(pairs="spatial").needs == frozenset()


def test_refuses_negatives_of_the_other_pairs():
    with pytest.raises(ValueError, match="negatives"):
        SiaNet(pairs="spatial", negatives="real")
