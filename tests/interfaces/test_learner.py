import pytest
import torch
from torch import nn

from reidbench.errors import ReidbenchError
from reidbench.interfaces import FeatureLearner

PIXELS, PID = torch.zeros(2, 3, 4, 4), torch.tensor([0, 1])


class Bare(FeatureLearner):
    def build(self, num_pids):
        return nn.Identity()

    def fit(self, model, data, loop): ...

    def embed(self, model, pixels):
        return pixels.flatten(1)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("loss", (PIXELS, PID)),
        ("verification_loss", (PIXELS, PIXELS, PID)),
        ("optimizer", ()),
    ],
)
def test_a_learner_that_no_constraint_can_train_against_names_the_method_it_lacks(
    method, arguments
):
    wanted = rf"^Bare does not implement {method}\(\); a constraint trains against the learner"
    with pytest.raises(ReidbenchError, match=wanted):
        getattr(Bare(), method)(nn.Identity(), *arguments)
