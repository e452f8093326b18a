import math

import pytest
import torch
from reidbench_stargan.adversarial import ADVERSARIAL

REAL, FAKE = torch.tensor([1.0, 0.5]), torch.tensor([0.0, -1.0])


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_log_form_by_hand():
    loss = ADVERSARIAL["log"]
    adversarial = (math.log(sigmoid(1)) + math.log(sigmoid(0.5))) / 2
    adversarial += (math.log(1 - sigmoid(0)) + math.log(1 - sigmoid(-1))) / 2  # eq. 1
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(-adversarial)
    expected = -(math.log(sigmoid(0)) + math.log(sigmoid(-1))) / 2
    assert loss.generator(FAKE).item() == pytest.approx(expected)


def test_wasserstein_form_by_hand():
    loss = ADVERSARIAL["wgan-gp"]
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(-0.75 - 0.5)
    assert loss.generator(FAKE).item() == pytest.approx(0.5)
    assert [a.penalised for a in ADVERSARIAL.values()] == [False, True]
