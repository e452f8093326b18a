import math

import pytest
import torch
from reidbench_cyclegan.adversarial import ADVERSARIAL

REAL, FAKE = torch.tensor([1.0, 0.5]), torch.tensor([0.0, -1.0])


def test_least_squares_by_hand():
    loss = ADVERSARIAL["lsgan"]
    assert loss.generator(FAKE).item() == pytest.approx((1 + 4) / 2)
    expected = 0.5 * ((0 + 0.25) / 2 + (0 + 1) / 2)
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(expected)


def test_log_form_by_hand():
    loss = ADVERSARIAL["log"]

    def log_sigmoid(x):
        return math.log(1 / (1 + math.exp(-x)))

    generator = -(log_sigmoid(0) + log_sigmoid(-1)) / 2
    assert loss.generator(FAKE).item() == pytest.approx(generator)
    on_real = -(log_sigmoid(1) + log_sigmoid(0.5)) / 2
    on_fake = -(math.log(0.5) + math.log(1 - 1 / (1 + math.e))) / 2
    expected = 0.5 * (on_real + on_fake)
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(expected)


@pytest.mark.parametrize("name", ["lsgan", "log"])
def test_players_want_opposite_things(name):
    scores = torch.tensor([0.3], requires_grad=True)
    toward_real = torch.autograd.grad(ADVERSARIAL[name].generator(scores), scores)[0]
    loss = ADVERSARIAL[name].discriminator(torch.ones(1), scores)
    toward_fake = torch.autograd.grad(loss, scores)[0]
    assert toward_real < 0 < toward_fake
