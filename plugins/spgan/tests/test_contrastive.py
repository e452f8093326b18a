import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reidbench_spgan.contrastive import contrastive

EAST, NORTH = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])


@pytest.mark.parametrize(
    ("a", "b", "positive", "margin", "expected"),
    [
        (EAST, EAST, True, 2.0, 0.0),
        (EAST, NORTH, True, 2.0, 2.0),
        (EAST, -EAST, True, 2.0, 4.0),
        (EAST, EAST, False, 2.0, 4.0),
        (EAST, NORTH, False, 2.0, (2 - math.sqrt(2)) ** 2),
        (EAST, NORTH, False, 1.0, 0.0),
        (EAST, -EAST, False, 2.0, 0.0),
        (EAST, EAST, False, 0.0, 0.0),
    ],
)
def test_equation_6_by_hand(a, b, positive, margin, expected):
    loss = contrastive(a, b, positive=positive, margin=margin)
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_pairs_are_averaged():
    a, b = torch.cat([EAST, EAST]), torch.cat([EAST, NORTH])
    assert contrastive(a, b, positive=True, margin=2.0).item() == pytest.approx(1.0)


@given(st.integers(0, 1000), st.floats(0, 2), st.booleans())
def test_equals_the_formula(seed, margin, positive):
    a, b = np.random.default_rng(seed).normal(size=(2, 5, 4))
    d = np.sqrt(((a - b) ** 2).sum(1))
    i = int(positive)
    expected = np.mean((1 - i) * np.maximum(0, margin - d) ** 2 + i * d**2)
    ours = contrastive(torch.tensor(a), torch.tensor(b), positive=positive, margin=margin)
    assert ours.item() == pytest.approx(expected)


@pytest.mark.parametrize("positive", [True, False])
def test_gradients_are_finite_where_a_pair_coincides(positive):
    a = EAST.clone().requires_grad_()
    contrastive(a, EAST, positive=positive, margin=2.0).backward()
    assert torch.isfinite(a.grad).all()


def test_margin_0_sends_negative_pairs_no_gradient():
    a = EAST.clone().requires_grad_()
    contrastive(a, NORTH, positive=False, margin=0.0).backward()
    assert not a.grad.any()
