"""SPGAN as a whole: the constraint on the translator of another plugin."""

import pytest
import torch

from reidbench.engine.gan import train_step
from reidbench.interfaces import UNLABELLED, Batch, Clock, Images

cyclegan = pytest.importorskip("reidbench_cyclegan.translator")

STEPS = 3


def images(pid):
    generator = torch.Generator().manual_seed(pid + 10)
    pixels = torch.rand(2, 3, 32, 24, generator=generator) * 2 - 1
    return Images(pixels, torch.full((2,), pid), torch.zeros(2, dtype=torch.long))


def trained(context, constraints):
    torch.manual_seed(7)
    translator = cyclegan.CycleGAN(width=4, blocks=1, discriminator_width=4, pool=2)
    translator.setup(context)
    for step in range(STEPS):
        batch = Batch(images(0), images(UNLABELLED))
        train_step(translator, constraints, batch, Clock(step, STEPS), seed=5)
    return [p.detach() for p in translator.parameters()]


def test_weight_0_leaves_the_translator_bit_identical(make, context):
    context = type(context)((32, 24), 4, 2, torch.device("cpu"))
    plain = trained(context, {})
    silent, loud = make(weight=0.0), make(weight=2.0)
    for constraint in (silent, loud):
        constraint.setup(context)
    assert all(
        torch.equal(a, b) for a, b in zip(plain, trained(context, {"sianet": silent}), strict=True)
    )
    assert not all(
        torch.equal(a, b) for a, b in zip(plain, trained(context, {"sianet": loud}), strict=True)
    )
