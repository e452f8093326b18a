"""Layers that look at the whole batch, where a network computes some of its rows only.

Batch normalisation takes mean and variance over the rows of all ranks, and dropout draws for all
rows what one process would draw, and keeps what falls to its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from reidbench.engine.collectives import total
from reidbench.engine.ranks import Ranks

_OF_CHANNELS = (F.dropout1d, F.dropout2d, F.dropout3d)


class WholeBatch(TorchFunctionMode):
    """Lets batch normalisation and dropout be those of the whole batch in the body.

    Args:
        ranks: the processes.
        rows: of the batch; a rank has its part of them.
    """

    def __init__(self, ranks: Ranks, rows: int) -> None:
        super().__init__()
        self.ranks, self.rows = ranks, rows
        self.own = ranks.sizes(rows)[ranks.rank]

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call a function of torch, or what stands for it."""
        if func is F.batch_norm:
            return self._batch_norm(*args, **(kwargs or {}))
        if func is F.dropout or func in _OF_CHANNELS:
            return self._dropout(func, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _batch_norm(
        self,
        input: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """Normalise by the statistics of all ranks' rows; ``F.batch_norm`` says the arguments."""
        if not training:
            return F.batch_norm(
                input, running_mean, running_var, weight, bias, False, momentum, eps
            )
        count = input.numel() // input.shape[1] // self.own * self.rows
        over, shape = [d for d in range(input.ndim) if d != 1], [-1, *[1] * (input.ndim - 2)]
        x = input.to(torch.promote_types(input.dtype, torch.float32))
        mean = total(self.ranks, x.sum(over)) / count
        centred = x - mean.view(shape)
        variance = total(self.ranks, centred.square().sum(over)) / count
        if running_mean is not None and running_var is not None:
            _move(running_mean, mean, momentum)
            _move(running_var, variance * count / max(1, count - 1), momentum)
        made = centred * (variance + eps).rsqrt().view(shape)
        if weight is not None:
            made = made * weight.view(shape)
        if bias is not None:
            made = made + bias.view(shape)
        return made.to(input.dtype)

    def _dropout(
        self,
        func: Callable[..., Tensor],
        input: Tensor,
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
    ) -> Tensor:
        """Drop what one process would drop of the whole batch."""
        if not training or p == 0:
            return input
        each = len(input) // self.own  # rows of a layer may be several for one of the batch
        first = self.ranks.part(self.rows).start * each
        places = input.shape[1:] if func is F.dropout else [input.shape[1], *[1] * (input.ndim - 2)]
        ones = input.new_ones(self.rows * each, *places)
        if input.ndim == 4 and not input.is_contiguous():
            ones = ones.contiguous(memory_format=torch.channels_last)
        kept = func(ones, p)[first : first + len(input)]
        return input.mul_(kept) if inplace else input * kept


def _move(running: Tensor, value: Tensor, momentum: float) -> None:
    with torch.no_grad():
        running.mul_(1 - momentum).add_(value.to(running.dtype), alpha=momentum)
