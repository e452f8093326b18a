import math

import torch
from torch import nn

from reidbench.testing.tensors import fixed_seed, same_weights, wave


def test_a_wave_is_its_formula():
    images = wave(2, 0.5, channels=1, size=(3, 4))
    assert images.shape == (2, 1, 3, 4)
    expected = torch.tensor([math.sin(0.37 * place + 0.5) for place in range(24)])
    torch.testing.assert_close(images.flatten(), expected)


def test_a_fixed_seed_moves_no_draw_outside():
    torch.manual_seed(3)
    undisturbed = torch.rand(2)
    torch.manual_seed(3)
    with fixed_seed(7):
        first = torch.rand(2)
    assert torch.rand(2).equal(undisturbed)
    with fixed_seed(7):
        assert torch.rand(2).equal(first)


def test_one_weight_apart_is_not_the_same():
    with fixed_seed(0):
        first = nn.Linear(2, 3)
    with fixed_seed(0):
        second = nn.Linear(2, 3)
    assert same_weights(first, second)
    second.bias.data[1] += 1e-7
    assert not same_weights(first, second)
