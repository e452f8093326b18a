"""A whole step computed anew, term by term, from eq. 1 to 4 as they are printed."""

import copy

import pytest
import torch
from torch.nn import functional as F

from reidbench.engine.streams import stream
from reidbench.interfaces import Clock
from reidbench.testing.translators import check_discriminators_have_a_rate_of_their_own

LAMBDA_CYC, LAMBDA_PCL, PENALTY = 10, 10, 10


def place(matrix, height, width):
    """Return where each pixel of an image moved by ``matrix`` comes from, ``[B, H, W, 2]``."""
    y, x = torch.meshgrid(
        (torch.arange(height) + 0.5) * 2 / height - 1,
        (torch.arange(width) + 0.5) * 2 / width - 1,
        indexing="ij",
    )
    points = torch.stack([x, y, torch.ones_like(x)], -1).view(-1, 3)
    found = torch.einsum("bij,nj->bni", torch.linalg.inv(matrix), points)
    return (found[..., :2] / found[..., 2:]).view(-1, height, width, 2)


def warped(x, grid):
    image = F.grid_sample(x[:, :3], grid, padding_mode="border", align_corners=False)
    mask = F.grid_sample(x[:, 3:], grid, padding_mode="zeros", align_corners=False)
    return torch.cat([image, mask], 1)


def predicted(direction, x, code):
    return direction.spatial(x, code).view(-1, 3, 3)


def inverse(matrix):
    undone = torch.linalg.inv(matrix)
    return undone / undone[:, 2:, 2:]


def travelled(there, back, x, code, entangled):
    """Return X_adp, T_xy, SCL and PCL."""
    t_xy = predicted(there, x, code)
    grid = place(t_xy, *x.shape[2:])
    x_s = warped(x, grid)
    x_adp = there.generator(x_s)
    shown = torch.cat([x_adp, x_s[:, 3:]], 1)
    t_yx = predicted(back, shown if entangled else shown.detach(), code)
    home = place(t_yx if entangled else inverse(t_xy), *x.shape[2:])
    rec = back.generator(warped(shown, home))
    ones = torch.ones(len(x), 1, *x.shape[2:])
    seen = F.grid_sample(F.grid_sample(ones, grid, align_corners=False), home, align_corners=False)
    seen = seen.detach()
    pcl = ((rec - x[:, :3]).abs() * seen).sum() / (3 * seen.sum())
    scl = (inverse(t_xy) - t_yx).abs().mean()
    return x_adp, t_xy, scl, pcl


def penalty(critic, real, fake, share):
    mixed = (share * real + (1 - share) * fake).detach().requires_grad_()
    scores = critic(mixed)
    total = scores.sum() / scores[0].numel()
    slope = torch.autograd.grad(total, mixed, create_graph=True)[0]
    return ((slope.flatten(1).square().sum(1).sqrt() - 1) ** 2).mean()


@pytest.fixture(autouse=True)
def _double(monkeypatch):
    """Compute in float64: bilinear sampling has kinks that blow rounding up."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def plain_step(t, optimizers, batch, entangled, clips):
    x, y = (torch.cat([i.pixels, i.mask], 1) for i in (batch.source, batch.target))
    z_x, z_y = torch.randn(4, 8), torch.randn(4, 8)
    x_adp, t_xy, scl_x, pcl_x = travelled(t.to_target, t.to_source, x, z_x, entangled)
    y_adp, t_yx, scl_y, pcl_y = travelled(t.to_source, t.to_target, y, z_y, entangled)
    d_1, d_2, d_t = t.critics.target, t.critics.source, t.critics.transform
    forth, undone = t_xy.flatten(1), inverse(t_yx).flatten(1)
    pairs = [(d_1, y[:, :3], x_adp), (d_2, x[:, :3], y_adp), (d_t, undone, forth)]
    l_d = sum(d(fake.detach()).mean() - d(real.detach()).mean() for d, real, fake in pairs)
    if not clips:
        for d, real, fake in pairs:
            share = torch.rand(4, *[1] * (real.dim() - 1))
            l_d = l_d + PENALTY * penalty(d, real, fake, share)
    optimizers[1].zero_grad()
    l_d.backward()
    optimizers[1].step()
    if clips:
        for parameter in t.critics.parameters():
            parameter.data.clamp_(-0.01, 0.01)
    l_g = -d_1(x_adp).mean() - d_2(y_adp).mean() - d_t(forth).mean() + d_t(undone).mean()
    pcl = LAMBDA_CYC * LAMBDA_PCL * (pcl_x + pcl_y)
    every = [p for group in optimizers[0].param_groups for p in group["params"]]
    painting = [*t.to_target.generator.parameters(), *t.to_source.generator.parameters()]
    optimizers[0].zero_grad()
    pcl.backward(inputs=every if entangled else painting, retain_graph=True)
    scl = 0 if entangled else scl_x + scl_y
    (l_g + LAMBDA_CYC * scl).backward(inputs=every)
    optimizers[0].step()


@pytest.mark.parametrize("entangled", [False, True])
@pytest.mark.parametrize("clips", [False, True])
def test_a_step_equals_the_printed_equations(bent, batch, entangled, clips):
    ours = bent(
        cycle="entangled" if entangled else "disentangled",
        lipschitz="clip" if clips else "penalty",
        lr=1e-4,
    )
    ours.double()
    theirs = copy.deepcopy(ours)
    adapting = [*theirs.to_target.parameters(), *theirs.to_source.parameters()]
    optimizers = [
        torch.optim.Adam(p, lr=1e-4, betas=(0.0, 0.9))
        for p in (adapting, theirs.critics.parameters())
    ]
    with stream(3):
        ours.training_step(batch, lambda hops: torch.zeros(()), Clock(0, 100))
    with stream(3):
        plain_step(theirs, optimizers, batch, entangled, clips)
    for (name, parameter), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, other.grad, atol=1e-7, rtol=1e-5, msg=name)


def test_discriminators_have_a_rate_of_their_own(make, batch):
    check_discriminators_have_a_rate_of_their_own(make, batch, 5e-4, {"critics"}, "to_target")
    with pytest.raises(ValueError, match="discriminator_lr must be a number of at least 0"):
        make(discriminator_lr=-1.0)
