"""Sums and rows that ranks share within a network; gradients pass them, as often as taken.

A tensor is either whole, alike on all ranks, or own: a rank's rows of it, or its part of a sum. The
gradient of a whole tensor is whole, and that of an own one is own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from reidbench.engine.ranks import Ranks


def own_rows(ranks: Ranks, whole: Tensor) -> Tensor:
    """Return this rank's rows of a whole tensor, as a copy."""
    if whole.requires_grad and torch.is_grad_enabled():
        return _Own.apply(whole, ranks)  # type: ignore[no-any-return]
    return whole[ranks.part(len(whole))].clone()


def all_rows(ranks: Ranks, own: Tensor, rows: int) -> Tensor:
    """Return the whole tensor of ``rows`` rows, from each rank's own."""
    return _All.apply(own, ranks, rows)  # type: ignore[no-any-return]


def shared(ranks: Ranks, *whole: Tensor) -> tuple[Tensor, ...]:
    """Return whole tensors for use on own rows; the gradients of all ranks are added up."""
    return _Shared.apply(ranks, *whole)  # type: ignore[no-any-return]


def total(ranks: Ranks, own: Tensor) -> Tensor:
    """Return the sum of each rank's own part, for use on own rows."""
    (whole,) = _Summed.apply(ranks, own)
    return shared(ranks, whole)[0]


class _Own(Function):
    @staticmethod
    def forward(ctx: Any, whole: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks, ctx.rows = ranks, len(whole)
        return whole[ranks.part(len(whole))].clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return all_rows(ctx.ranks, gradient, ctx.rows), None


class _All(Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor, ranks: Ranks, rows: int) -> Tensor:
        ctx.ranks = ranks
        if own.ndim != 4:
            return ranks.gathered(own, rows)
        # Maps are channels-last, whatever layout a rank's few rows came in.
        return ranks.gathered(own.permute(0, 2, 3, 1), rows).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return own_rows(ctx.ranks, gradient), None, None


class _Shared(Function):
    @staticmethod
    def forward(ctx: Any, ranks: Ranks, *whole: Tensor) -> tuple[Tensor, ...]:
        ctx.ranks = ranks
        ctx.set_materialize_grads(False)  # no gradient is none: optimisers pass such weights over
        return tuple(t.view_as(t) for t in whole)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        return None, *_of_known(_Summed, ctx.ranks, gradients)


class _Summed(Function):
    @staticmethod
    def forward(ctx: Any, ranks: Ranks, *own: Tensor) -> tuple[Tensor, ...]:
        ctx.ranks = ranks
        ctx.set_materialize_grads(False)
        return tuple(ranks.summed(own))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        return None, *_of_known(_Shared, ctx.ranks, gradients)


def _of_known(
    function: type[Function], ranks: Ranks, gradients: tuple[Tensor | None, ...]
) -> list[Tensor | None]:
    """Return what a function makes of the gradients that are there; None stays."""
    known = [g for g in gradients if g is not None]
    made = iter(function.apply(ranks, *known) if known else ())
    return [None if g is None else next(made) for g in gradients]
