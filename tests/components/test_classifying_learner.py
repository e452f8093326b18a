from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reidbench.components.classifying_learner import (
    BatchNormOrAuto,
    ClassificationLearner,
    Classifier,
    Normalisation,
    kept_with_weights,
    person_layer,
)
from reidbench.nn.backbones import build_backbone


class Plain(Classifier):
    def __init__(self, backbone, num_pids, **options):
        super().__init__(backbone, **options)
        self.persons = person_layer(backbone.width, num_pids)

    def forward(self, pixels):
        return self.persons(self.features(pixels))


@dataclass(kw_only=True)
class PlainLearner(ClassificationLearner):
    backbone: str = "small-resnet"
    weights: str = "none"
    dropout: float = 0.0
    batch_norm: BatchNormOrAuto = "learn"
    normalisation: Normalisation = "half"
    lr: float = 0.1
    backbone_lr: float = 0.01
    decay_from: float = 1.0
    momentum: float = 0.0
    weight_decay: float = 0.0
    batch: int = 4
    epochs: int = 1
    flip: bool = False
    enlarge: float = 1.0

    def classifier(self, backbone, num_pids):
        options = {"normalisation": self.normalisation, "batch_norm": self.resolved_batch_norm}
        return Plain(backbone, num_pids, **options)


def test_the_loss_is_cross_entropy_to_the_bit():
    plain = PlainLearner()
    model = plain.build(5).eval()
    nn.init.normal_(model.persons.weight)
    pixels, pid = torch.rand(6, 3, 32, 16), torch.tensor([0, 1, 2, 3, 4, 4])
    assert torch.equal(plain.loss(model, pixels, pid), F.cross_entropy(model(pixels), pid))


def test_the_likeliest_person_is_that_of_the_logits():
    plain = PlainLearner()
    model = plain.build(5).eval()
    nn.init.normal_(model.persons.weight)
    pixels = torch.rand(6, 3, 32, 16)
    likely = plain.classify(model, pixels)
    assert likely.argmax(1).equal(model(pixels).argmax(1))
    torch.testing.assert_close(likely.exp().sum(1), torch.ones(6))


def test_backbone_and_new_layers_learn_at_their_rates():
    plain = PlainLearner()
    model = plain.build(5).train()
    before = [p.detach().clone() for p in model.parameters()]
    pixels, pid = torch.rand(4, 3, 32, 16), torch.arange(4)
    gradients = torch.autograd.grad(plain.loss(model, pixels, pid), [*model.parameters()])
    log = plain.learn(model, plain.optimizer(model), pixels, pid)
    assert set(log) == {"loss", "accuracy"}
    named = zip(before, model.named_parameters(), gradients, strict=True)
    for old, (name, new), gradient in named:
        rate = 0.01 if name.startswith("backbone.") else 0.1
        torch.testing.assert_close(new, old - rate * gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("asked", "weights", "meant"),
    [
        ("auto", "none", "learn"),
        ("auto", "IMAGENET1K_V1", "statistics"),
        ("frozen", "none", "frozen"),
        ("learn", "w.pth", "learn"),
    ],
)
def test_auto_keeps_what_weights_brought(asked, weights, meant):
    assert kept_with_weights(asked, weights, "statistics") == meant


def test_features_are_pooled_from_normalised_pixels():
    backbone = build_backbone("small-resnet")
    model = Plain(backbone, 5, normalisation="half", batch_norm="frozen").train()
    pixels = torch.rand(2, 3, 32, 16) * 2 - 1
    torch.testing.assert_close(model.features(pixels), backbone.network(pixels))
    torch.testing.assert_close(model.feature_map(pixels).mean((2, 3)), model.features(pixels))


@pytest.mark.parametrize("wrong", [{"lr": -1.0}, {"batch": 1}, {"decay_from": 2.0}])
def test_refuses_values_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PlainLearner(**wrong)
