"""The gradient of eq. 10 at the generators, against finite differences in double precision."""

from dataclasses import replace

import pytest
import torch
from reidbench_simpgan.constraint import SimilarityConsistency
from reidbench_simpgan.learner import Siamese
from reidbench_simpgan.network import SiameseModel
from torch import nn

from reidbench.interfaces import UNLABELLED, Batch, Clock, Images, SourceModel
from reidbench.nn.backbones import Backbone
from reidbench.nn.frozen import frozen
from reidbench.nn.resnet_generator import ResNetGenerator

cyclegan = pytest.importorskip("reidbench_cyclegan.translator")

STEP = 1e-6


class Exact(SiameseModel):
    """Keeps the precision of its weights."""

    def features(self, pixels):
        return self.backbone(pixels * self.scale + self.shift)


class ExactGenerator(ResNetGenerator):
    """Keeps the precision of its weights."""

    def forward(self, pixels):
        return self.layers(pixels).tanh()


@pytest.fixture
def constraint(context):
    """Return a constraint with a smooth classifier, so that differences have a limit."""
    layers = nn.Conv2d(3, 6, 5, 3), nn.Softplus(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
    settings = {"dropout": 0.5, "normalisation": "half", "batch_norm": "learn"}
    model = Exact(Backbone(nn.Sequential(*layers), 24, "fc"), context.num_pids, **settings)
    nn.init.normal_(model.score.weight, std=5.0)
    made = SimilarityConsistency()
    made.setup(replace(context, source_model=SourceModel(Siamese(), model)))
    return made.double()


@pytest.fixture
def generators(context):
    translator = cyclegan.CycleGAN(width=2, discriminator_width=2, pool=0, identity=0)
    translator.setup(context)
    translator.to_target, translator.to_source = (ExactGenerator(3, 1) for _ in range(2))
    return translator.double()


@pytest.fixture
def batch():
    pixels = torch.rand(2, 4, 3, 32, 24, dtype=torch.float64) * 2 - 1
    pid, cam = torch.tensor([1, 1, 0, 2]), torch.zeros(4, dtype=torch.long)
    return Batch(Images(pixels[0], pid, cam), Images(pixels[1], 0 * pid + UNLABELLED, cam))


def similarity(constraint, translator, batch):
    return constraint.losses(translator.hops(batch), Clock(0, 1))["similarity"]


def slope(constraint, translator, batch, values, place):
    """Return the central difference of the loss over one weight."""
    found = []
    for step in (STEP, -STEP):
        kept = values[place].item()
        values[place] = kept + step
        found.append(similarity(constraint, translator, batch).item())
        values[place] = kept
    return (found[0] - found[1]) / (2 * STEP)


def steepest(gradient, count=3):
    """Return the places of the largest values of a gradient."""
    largest = gradient.abs().flatten().topk(count).indices.tolist()
    return [tuple(int(i) for i in torch.unravel_index(torch.tensor(p), gradient.shape))
            for p in largest]  # fmt: skip


@pytest.mark.parametrize("name", ["to_target", "to_source"])
def test_equals_finite_differences_at_both_generators(constraint, generators, batch, name):
    with frozen(constraint):
        similarity(constraint, generators, batch).backward()
    weights = [p for p in getattr(generators, name).parameters() if p.ndim == 4]
    for parameter in (weights[0], weights[len(weights) // 2], weights[-1]):
        for place in steepest(parameter.grad):
            gradient = parameter.grad[place].item()
            assert abs(gradient) > 1e-6
            with torch.no_grad():
                measured = slope(constraint, generators, batch, parameter, place)
            assert measured == pytest.approx(gradient, rel=1e-3, abs=1e-8)


def test_reaches_every_layer_of_both_generators_and_no_discriminator(constraint, generators, batch):
    with frozen(constraint):
        similarity(constraint, generators, batch).backward()
    for generator in (generators.to_target, generators.to_source):
        assert all(p.grad.abs().max() > 0 for p in generator.parameters() if p.ndim == 4)
    rivals = generators.target_discriminator, generators.source_discriminator
    assert all(p.grad is None for r in rivals for p in r.parameters())
    assert all(p.grad is None for p in constraint.parameters())
