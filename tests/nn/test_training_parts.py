import pytest
import torch
from torch import nn
from torch.optim import SGD

from reidbench.engine.descent import descend, scale_rates
from reidbench.nn.frozen import frozen


def test_frozen_passes_gradients_through_but_not_in():
    layer = nn.Linear(2, 1)
    x = torch.ones(1, 2, requires_grad=True)
    with frozen(layer):
        y = layer(x).sum()
    y.backward()
    assert torch.equal(x.grad, layer.weight)
    assert layer.weight.grad is None
    assert layer.weight.requires_grad


def test_frozen_leaves_alone_what_was_frozen_and_recovers_from_errors():
    layer = nn.Linear(2, 1)
    layer.bias.requires_grad_(False)
    with pytest.raises(KeyError), frozen(layer):
        raise KeyError
    assert (layer.weight.requires_grad, layer.bias.requires_grad) == (True, False)


def test_descend_makes_one_step_and_forgets_earlier_gradients():
    w = nn.Parameter(torch.tensor(3.0))
    w.grad = torch.tensor(100.0)
    descend(SGD([w], lr=0.1), w.square())
    assert w.item() == pytest.approx(3 - 0.1 * 6)


def test_several_optimisers_descend_together():
    v, w = nn.Parameter(torch.tensor(3.0)), nn.Parameter(torch.tensor(2.0))
    descend([SGD([v], lr=0.1), SGD([w], lr=0.2)], v * w)
    assert (v.item(), w.item()) == pytest.approx((3 - 0.1 * 2, 2 - 0.2 * 3))


def test_rates_scale_what_each_group_was_built_with():
    a, b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    optimizer = SGD([{"params": [a], "lr": 0.1}, {"params": [b], "lr": 0.01}])
    for factor in (0.5, 0.5, 0.2):
        scale_rates(optimizer, factor)
        assert [g["lr"] for g in optimizer.param_groups] == pytest.approx(
            [0.1 * factor, 0.01 * factor]
        )


def test_rates_survive_a_checkpoint_taken_in_the_middle():
    w = nn.Parameter(torch.zeros(1))
    first, second = SGD([w], lr=0.1), SGD([w], lr=0.1)
    scale_rates(first, 0.5)
    second.load_state_dict(first.state_dict())
    scale_rates(second, 0.2)
    assert second.param_groups[0]["lr"] == pytest.approx(0.02)
