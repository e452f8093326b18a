import pytest
import torch
from torch import nn

from reidbench.nn.norm import ReflectionPad, instance_norm

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
