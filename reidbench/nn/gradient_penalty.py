"""The gradient penalty of Wasserstein GANs.

Gulrajani et al., "Improved Training of Wasserstein GANs", NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from reidbench.interfaces import to_device


def gradient_penalty(score: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """Return the mean squared distance from 1 of the slope of ``score`` at each point (eq. 3).

    Args:
        score: gives scores of any shape, each of one row; a row's scores are added.
        points: ``[B, ...]`` where the slope is taken.
    """
    points = points.detach().requires_grad_()
    with torch.compiler.set_stance("force_eager"):  # compiled networks have no second derivative
        (slope,) = torch.autograd.grad(score(points).sum(), points, create_graph=True)
    slopes: Tensor = slope.flatten(1).norm(dim=1)
    return (slopes - 1).square().mean()


def between(real: Tensor, fake: Tensor) -> Tensor:
    """Return a random point on the line from each row of ``fake`` to that of ``real``.

    Both are ``[B, ...]``; torch's global stream decides.
    """
    share = to_device(torch.rand(len(real), *[1] * (real.dim() - 1)), real.device)
    return torch.lerp(fake, real, share)
