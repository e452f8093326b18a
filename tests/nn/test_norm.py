from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from reidbench.nn.norm import (
    InstanceNorm,
    ReflectionPad,
    _Mirrored,
    _OnAccelerator,
    instance_norm,
)

LAYOUTS = [torch.channels_last, torch.contiguous_format]


def maps(layout, kind=torch.float64):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 5, 6, generator=generator, dtype=torch.float64) * 3 + 1
    return x.to(kind).contiguous(memory_format=layout).requires_grad_()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("affine", [True, False])
def test_gradients_are_torchs(layout, affine):
    torch.manual_seed(0)
    ours = instance_norm(4, affine=affine).double()
    theirs = nn.InstanceNorm2d(4, affine=affine).double()
    theirs.load_state_dict(ours.state_dict())
    x = maps(layout)
    weight = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    found = [
        torch.autograd.grad((norm(x) * weight).sum(), [x, *norm.parameters()])
        for norm in (ours, theirs)
    ]
    assert len(found[0]) == (3 if affine else 1)
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("affine", [True, False])
def test_maps_stay_in_their_layout_and_precision(layout, affine):
    norm, x = instance_norm(4, affine=affine), maps(layout, torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        y = norm(ReflectionPad(1)(x))
    assert y.dtype == torch.bfloat16
    assert y.is_contiguous(memory_format=layout)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert gradient.dtype == torch.bfloat16


def test_gradients_in_bf16_are_near():
    x, y = maps(torch.channels_last, torch.bfloat16), maps(torch.channels_last)
    weight = torch.randn(2, 4, 5, 6).bfloat16()
    (ours,) = torch.autograd.grad((instance_norm(4)(x) * weight).sum(), x)
    (exact,) = torch.autograd.grad((instance_norm(4)(y) * weight.double()).sum(), y)
    torch.testing.assert_close(ours.double(), exact, atol=0.02, rtol=0.02)


def test_scales_are_drawn_about_1_and_offsets_begin_at_0():
    norm = instance_norm(4000, affine=True)
    assert norm.weight.mean().item() == pytest.approx(1, abs=2e-3)
    assert norm.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert not norm.bias.any()


def test_padding_mirrors():
    x = maps(torch.channels_last)
    assert torch.equal(ReflectionPad(2)(x), nn.ReflectionPad2d(2)(x))


def on_accelerator(norm: InstanceNorm) -> Callable[[Tensor], Tensor]:
    """Return what an accelerator computes in place of the layer; a CPU can do it too."""
    return lambda x: _OnAccelerator.apply(x, norm.weight, norm.bias, norm.eps)


def compiled(norm: InstanceNorm) -> Callable[[Tensor], Tensor]:
    return norm._traced


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("way", [on_accelerator, compiled])
def test_every_way_to_normalise_is_torchs(way, affine, layout):
    torch.manual_seed(0)
    ours = instance_norm(4, affine=affine).double()
    theirs = nn.InstanceNorm2d(4, affine=affine).double()
    theirs.load_state_dict(ours.state_dict())
    x, weight = maps(layout), torch.randn(2, 4, 5, 6, dtype=torch.float64)
    made = [norm(x) for norm in (way(ours), theirs)]
    torch.testing.assert_close(*made)
    assert made[0].is_contiguous(memory_format=layout)
    parts = [x, *ours.parameters()], [x, *theirs.parameters()]
    found = [torch.autograd.grad((y * weight).sum(), p) for y, p in zip(made, parts, strict=True)]
    assert len(found[0]) == (3 if affine else 1)
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("way", [on_accelerator, compiled])
def test_bf16_is_equal_within_its_rounding(way, affine):
    torch.manual_seed(0)
    norm = instance_norm(4, affine=affine)
    half = maps(torch.channels_last, torch.bfloat16)
    exact = half.detach().double().requires_grad_()
    weight = torch.randn(2, 4, 5, 6).bfloat16()
    y, reference = way(norm)(half), nn.functional.instance_norm(exact)
    if affine:
        reference = reference * norm.weight.double()[:, None, None]
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.double(), reference, atol=0.01, rtol=2**-8)
    (ours,) = torch.autograd.grad((y * weight).sum(), half)
    (theirs,) = torch.autograd.grad((reference * weight.double()).sum(), exact)
    assert ours.dtype == torch.bfloat16
    torch.testing.assert_close(ours.double(), theirs, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("pad", [1, 2, 3])
def test_padding_by_slices_is_torchs(pad, layout):
    x = maps(layout)
    made, expected = _Mirrored.apply(x, pad), nn.ReflectionPad2d(pad)(x)
    assert torch.equal(made, expected)
    assert made.is_contiguous(memory_format=layout)
    weight = torch.randn(made.shape, dtype=torch.float64)
    found = [torch.autograd.grad((y * weight).sum(), x)[0] for y in (made, expected)]
    torch.testing.assert_close(*found)
    assert found[0].is_contiguous(memory_format=layout)


@pytest.mark.parametrize("way", [on_accelerator, lambda norm: norm], ids=["accelerator", "cpu"])
def test_the_gradient_of_a_gradient_is_torchs(way):
    found = []
    for norm in (way(instance_norm(4).double()), nn.InstanceNorm2d(4)):
        x = maps(torch.channels_last)
        (slope,) = torch.autograd.grad(norm(x).pow(3).sum(), x, create_graph=True)
        found += torch.autograd.grad(slope.square().sum(), x)
    torch.testing.assert_close(*found)
