"""Tensors, seeds and comparisons for the tests of plugins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def wave(rows: int, phase: float, *, channels: int = 3, size: tuple[int, int] = (32, 24)) -> Tensor:
    """Return images ``[rows, channels, H, W]`` in [-1, 1] by a formula, alike on every machine.

    Golden tests take them, for which random numbers of torch will not do: those may change.
    """
    places = torch.arange(rows * channels * size[0] * size[1], dtype=torch.float64)
    return torch.sin(0.37 * places + phase).float().view(rows, channels, *size)


@contextmanager
def fixed_seed(seed: int) -> Iterator[None]:
    """Let torch's global stream of the CPU start from ``seed`` inside, and put it back after."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    """Return whether two modules of one form have equal parameters, to the bit."""
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)
