"""Eq. 1 to 3 by hand."""

import pytest
import torch
from reidbench_sagan.critics import TransformCritic, averaged, wasserstein
from reidbench_sagan.losses import pixel_cycle, spatial_cycle
from torch import nn

from reidbench.nn.gradient_penalty import gradient_penalty


def test_wasserstein_by_hand():
    def critic(x):
        return 2 * x

    real, fake = torch.tensor([[1.0], [3.0]]), torch.tensor([[0.5], [-1.5]])
    assert wasserstein(critic, real, fake).item() == pytest.approx(-1.0 - 4.0)


def test_penalty_takes_the_mean_of_the_patches_as_the_score():
    scores = nn.Conv2d(1, 1, 1, bias=False)
    scores.weight.data.fill_(8.0)
    # Four patches of slope 8 each: the mean's slope is (2, 2, 2, 2), of length 4.
    assert gradient_penalty(averaged(scores), torch.rand(3, 1, 2, 2)).item() == pytest.approx(9.0)


def test_penalty_teaches_the_critic():
    critic = TransformCritic(9)
    gradient_penalty(averaged(critic), torch.rand(4, 9)).backward()
    assert critic.layers[0].weight.grad.any()


def test_pixel_cycle_by_hand():
    rec, pixels = torch.zeros(1, 3, 1, 3), torch.tensor([1.0, -3.0, 50.0]).expand(1, 3, 1, 3)
    seen = torch.tensor([1.0, 0.5, 0.0]).view(1, 1, 1, 3)
    assert pixel_cycle(rec, pixels, seen).item() == pytest.approx((1 + 1.5) / 1.5)
    assert pixel_cycle(rec, pixels, torch.zeros_like(seen)).item() == 0


def test_what_is_seen_gets_no_gradient():
    seen = torch.rand(2, 1, 4, 4, requires_grad=True)
    rec = torch.rand(2, 3, 4, 4, requires_grad=True)
    pixel_cycle(rec, torch.rand(2, 3, 4, 4), seen).backward()
    assert seen.grad is None


def test_spatial_cycle_by_hand():
    inverse = torch.tensor([[1.0, 0.0, 0.5], [1.0, 0.0, 0.0]])
    predicted = torch.tensor([[1.0, 0.0, -0.5], [0.5, 0.3, 0.0]])
    assert spatial_cycle(inverse, predicted).item() == pytest.approx((1.0 + 0.8) / 6)
