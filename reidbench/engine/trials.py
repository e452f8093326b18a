"""A trial of a network on a few rows: does it treat each row as if it were alone?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from reidbench.engine.nested import mapped, tensors_in
from reidbench.engine.ranks import Ranks
from reidbench.engine.streams import stream

TOLERANCE = {torch.float64: 1e-5, torch.float32: 1e-3}
"""Relative difference of outputs and gradients above which rows are not apart: more than rounding
makes, also where a network casts what it returns to single precision."""

Call = Callable[[nn.Module, Any, Any], Any]
"""Calls a copy of a network with positional and named arguments."""


def treats_rows_apart(
    module: nn.Module, args: Any, kwargs: Any, ranks: Ranks, whole: Call, split: Call
) -> bool:
    """Return whether a network makes the same of rows by two ways of calling it, on all ranks.

    Compared are outputs, gradients and the random numbers drawn, on copies and on a stream of their
    own: nothing of the training moves.

    Args:
        module: the network.
        args: its arguments, of a few rows.
        kwargs: those by name.
        ranks: the processes.
        whole: calls a copy on all rows.
        split: calls a copy on each rank's own rows.
    """
    for dtype in TOLERANCE:  # a network may insist on the second
        if plain := _made(module, args, kwargs, dtype, ranks, whole):
            break
    parts = _made(module, args, kwargs, dtype, ranks, split)
    same = bool(plain) and len(plain) == len(parts)
    same = same and all(map(_alike, plain, parts, [TOLERANCE[dtype]] * len(parts)))
    return ranks.all_agree(same)


def _made(
    module: nn.Module, args: Any, kwargs: Any, dtype: torch.dtype, ranks: Ranks, call: Call
) -> list[Tensor]:
    """Return outputs, gradients, and where the random stream was left; nothing if it fails."""
    # Double precision is not made for channels-last everywhere.
    layout = {"dtype": dtype, "memory_format": torch.contiguous_format}
    twin = deepcopy(module).to(**layout)  # type: ignore[call-overload]
    with stream("trial"), torch.enable_grad(), torch.autocast(ranks.device.type, enabled=False):
        args, kwargs = mapped(lambda x: _leaf(x, dtype), (args, kwargs))
        try:
            made = call(twin, args, kwargs)
            left = torch.rand(1) + torch.rand(1, device=ranks.device).cpu()
            return [left, *_outputs_and_slopes(made, [*twin.parameters()], (args, kwargs))]
        except (RuntimeError, ValueError, TypeError, IndexError):
            return []


def _outputs_and_slopes(made: Any, weights: Sequence[Tensor], inputs: Any) -> list[Tensor]:
    """Return the outputs of a network, and all gradients of a random sum of them as one."""
    outputs = [x for x in tensors_in(made) if x.is_floating_point()]
    # Drawn by place, in whatever layout a map is.
    weighted = [x * torch.randn(x.shape, dtype=x.dtype, device=x.device) for x in outputs]
    total = torch.stack([x.sum() for x in weighted]).sum()
    places = [x for x in (*tensors_in(inputs), *weights) if x.requires_grad]
    gradients = torch.autograd.grad(total, places, allow_unused=True)
    known = [g.double().reshape(-1) for g in gradients if g is not None]
    # As one, because a gradient that should be 0 is rounding alone.
    return [*outputs, *([torch.cat(known)] if known else [])]


def _leaf(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a copy in a precision, which gradients can be taken at."""
    x = x.detach()
    return x.to(dtype).contiguous().clone().requires_grad_() if x.is_floating_point() else x


def _alike(one: Tensor, other: Tensor, tolerance: float) -> bool:
    if one.shape != other.shape:
        return False
    one, other = one.detach().double(), other.detach().double()
    return bool((one - other).norm() <= tolerance * one.norm())
