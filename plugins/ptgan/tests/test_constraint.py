"""L_ID by hand, against an independent implementation, beside SA-GAN's, and on CycleGAN."""

from functools import partial

import numpy as np
import pytest
import torch
from reidbench_ptgan.constraint import Foreground

from reidbench.errors import ReidbenchError
from reidbench.interfaces import Clock, Context
from reidbench.testing.masked import FAKE, MASK, REAL, masked_hop, trained_under
from reidbench.testing.tensors import wave

CLOCK = Clock(0, 10)


def loss(hops, weight=1.0):
    (term,) = Foreground(weight=weight).losses(hops, CLOCK).values()
    return term


def waves():
    """Return hops of both directions, 3 images of 8x6 each, whose masks are soft."""
    size, phases = (8, 6), ((0.0, 0.7, 1.1), (2.2, 1.9, 0.3))
    return tuple(
        masked_hop(
            wave(3, a, size=size), wave(3, b, size=size), wave(3, c, channels=1, size=size).abs()
        )
        for a, b, c in phases
    )


def test_loss_by_hand():
    """Differences 0.2, -0.1, 0.8, -1.0 under masks 1, 0.5, 0, 1, squared, over four pixels."""
    expected = (0.04 + 0.0025 + 0.0 + 1.0) / 4
    assert loss((masked_hop(REAL, FAKE, MASK),)).item() == pytest.approx(expected)
    assert loss((masked_hop(REAL, FAKE, MASK),), 10.0).item() == pytest.approx(10 * expected)


def test_equals_an_independent_implementation():
    """The norm of eq. 4 image by image, in numpy, over the number of values."""
    total = 0.0
    for there in waves():
        arrays = there.images.pixels, there.fake, there.images.mask
        rows = zip(*(array.numpy().astype(np.float64) for array in arrays), strict=True)
        norms = [
            np.linalg.norm(((fake - real) * mask).ravel(), 2) ** 2 for real, fake, mask in rows
        ]
        total += np.mean(norms) / (3 * 8 * 6)
    assert loss(waves()).item() == pytest.approx(total, rel=1e-6)


GOLDEN = 1.395900


def test_fixed_tensors_give_the_recorded_loss():
    """Where this number moves, ``Foreground.version`` has to rise."""
    assert Foreground.version == 1
    assert Foreground().losses(waves(), CLOCK)["foreground"].item() == pytest.approx(
        GOLDEN, rel=1e-5
    )


def test_differs_from_masked_identity_by_the_norm_alone():
    """Where every change is of the same size d, one is d and the other d squared."""
    masked = pytest.importorskip("reidbench_sagan.masked_identity").MaskedIdentity(weight=1.0)
    for d in (0.5, 0.125):
        even = (masked_hop(REAL, REAL + d, (MASK > 0.7).float()),)
        (absolute,) = masked.losses(even, CLOCK).values()
        assert loss(even).item() == pytest.approx(d * absolute.item())


def test_background_and_masks_get_no_gradient():
    fake, mask = FAKE.clone().requires_grad_(), MASK.clone().requires_grad_()
    loss((masked_hop(REAL, fake, mask),)).backward()
    assert not mask.grad.any()
    assert not fake.grad[..., 1, 0].any()
    assert fake.grad[..., 0, :].all()


def test_direction_without_masks_is_left_out():
    there = masked_hop(REAL, FAKE, MASK)
    assert torch.equal(loss((there, masked_hop(FAKE, REAL, None, dst=0))), loss((there,)))


def test_no_masks_at_all_are_an_error():
    with pytest.raises(ReidbenchError, match="foreground: there are no masks"):
        loss((masked_hop(REAL, FAKE, None),))


def test_reads_masks_and_learns_nothing_itself():
    constraint = Foreground()
    constraint.setup(Context((16, 8), 4, 2, torch.device("cpu")))
    assert constraint.needs == {"mask"}
    assert [*constraint.parameters()] == []
    assert constraint.update((masked_hop(REAL, FAKE, MASK),), CLOCK) == {}


def test_refuses_negative_weights():
    with pytest.raises(ValueError, match="weight"):
        Foreground(weight=-1.0)


def trained(constraints, steps=3):
    """Return CycleGAN's weights, and how far it is from keeping persons, after a few steps."""
    cyclegan = pytest.importorskip("reidbench_cyclegan.translator").CycleGAN
    small = {"width": 4, "blocks": 1, "discriminator_width": 4, "pool": 2, "identity": 0.0}
    weights, hops = trained_under(partial(cyclegan, **small, lr=2e-3), constraints, steps)
    return weights, loss(hops[:1]).item()


def test_weight_0_leaves_the_translator_bit_identical():
    plain, _ = trained({})
    silent, _ = trained({"foreground": Foreground(weight=0.0)})
    loud, _ = trained({"foreground": Foreground()})
    assert all(torch.equal(a, b) for a, b in zip(plain, silent, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(plain, loud, strict=True))


def test_the_translator_keeps_persons_with_it():
    _, without = trained({}, 25)
    _, kept = trained({"foreground": Foreground(weight=50.0)}, 25)
    assert kept < 0.8 * without
