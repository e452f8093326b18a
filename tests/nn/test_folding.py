import copy

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from reidbench.extraction.external_models import Ranged
from reidbench.nn.folding import fold_batch_norms
from reidbench.nn.small_resnet import SmallResNet


def settled(module: nn.Module) -> nn.Module:
    """Return a module in evaluation mode whose normalisation does something."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d) and layer.running_mean is not None:
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.3)
    return module.eval()


def count(module: nn.Module) -> int:
    return sum(isinstance(m, nn.BatchNorm2d) for m in module.modules())


FOLDED = {  # normalisation layers that go and that stay
    "resnet18": (20, 0),
    "wide_resnet50_2": (53, 0),
    "regnet_y_400mf": (53, 0),
    "mobilenet_v2": (52, 0),
    "mobilenet_v3_small": (34, 0),
    "efficientnet_b0": (49, 0),
    "mnasnet0_5": (52, 0),
    "shufflenet_v2_x0_5": (56, 0),
    "densenet121": (59, 62),  # most of them stand before a convolution
    "swin_t": (0, 0),
}


@torch.no_grad()
def agree(first: nn.Module, second: nn.Module) -> None:
    pixels = torch.randn(2, 3, 64, 32)
    a, b = first(pixels), second(pixels)
    assert a.std() > 0
    assert ((a - b).norm() / a.norm()).item() < 1e-5


@pytest.mark.parametrize("name", FOLDED)
def test_outputs_stay_the_same(name):
    module = settled(models.get_model(name, weights=None))
    folded = copy.deepcopy(module)
    gone, left = FOLDED[name]
    assert fold_batch_norms(folded) == gone
    assert count(folded) == left
    assert count(module) == gone + left
    agree(module, folded)


def test_the_small_network_is_folded_whole():
    module = settled(SmallResNet())
    folded = copy.deepcopy(module)
    assert fold_batch_norms(folded) == 9
    agree(module, folded)


class Twisted(nn.Module):
    """What must not be folded, one kind a time."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.alias = self.first = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        if kind != "two names":
            del self.alias
        self.second = self.first if kind == "shared" else nn.Conv2d(3, 3, 1)
        if kind == "subclass":
            self.first = Halved(3, 3, 3, padding=1)
        if kind == "no statistics":
            self.norm = nn.BatchNorm2d(3, track_running_stats=False)

    def forward(self, x: Tensor) -> Tensor:
        made = self.first(x)
        if self.kind == "seen twice":
            return self.norm(made) + made
        if self.kind == "normalised twice":
            return self.norm(self.norm(made))
        if self.kind == "activated between":
            return self.norm(made.relu())
        if self.kind == "run twice":
            return self.norm(self.first(made))
        return self.second(self.norm(made))


class Halved(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / 2


@pytest.mark.parametrize(
    "kind",
    [
        "seen twice",
        "normalised twice",
        "activated between",
        "run twice",
        "shared",
        "two names",
        "subclass",
        "no statistics",
    ],
)
def test_what_cannot_be_folded_stays(kind):
    module = settled(Twisted(kind))
    before = copy.deepcopy(module)
    assert fold_batch_norms(module) == 0
    agree(before, module)


def test_the_plain_case_is_folded():
    module = settled(Twisted("plain"))
    before = copy.deepcopy(module)
    assert fold_batch_norms(module) == 1
    assert isinstance(module.norm, nn.Identity)
    agree(before, module)


def test_normalisation_in_training_stays():
    assert fold_batch_norms(Twisted("plain").train()) == 0


def test_a_model_of_other_peoples_is_folded_whole():
    network = models.resnet18().eval()
    assert fold_batch_norms(Ranged(network, "imagenet")) == 20
    assert not any(isinstance(m, nn.BatchNorm2d) for m in network.modules())
