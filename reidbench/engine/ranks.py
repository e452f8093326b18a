"""The processes that compute one stage together, and what they tell each other.

Every process, a rank, makes the same steps on the same batches, drawn from the same streams; only
what ``sharing`` splits is computed once among them. A process is alone unless ``joined`` says
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Ranks:
    """The place of a process among those that compute a stage.

    Attributes:
        rank: of this process, from 0; the first one writes and shows.
        count: number of processes.
        device: that the collective operations are made on.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = CPU

    @property
    def leads(self) -> bool:
        """True for the one process that writes files and shows progress."""
        return self.rank == 0

    def sizes(self, rows: int) -> list[int]:
        """Return how many of so many rows each rank has; the first have one more at most."""
        least, more = divmod(rows, self.count)
        return [least + (rank < more) for rank in range(self.count)]

    def part(self, rows: int) -> slice:
        """Return the rows of this rank."""
        sizes = self.sizes(rows)
        first = sum(sizes[: self.rank])
        return slice(first, first + sizes[self.rank])

    def gathered(self, local: Tensor, rows: int) -> Tensor:
        """Return the rows of all ranks, in order.

        Args:
            local: ``[n, ...]`` those of ``part(rows)``.
            rows: of all ranks together; every rank must have one.
        """
        sizes = self.sizes(rows)
        flat = local.contiguous().reshape(len(local), -1)
        padded = flat.new_empty(max(sizes), flat.shape[1])
        padded[: len(flat)] = flat
        # As bytes: not every back end carries every type of number.
        sent = padded.view(torch.uint8)
        received = sent.new_empty(self.count, *sent.shape)
        dist.all_gather([*received], sent)
        found = received.view(local.dtype).reshape(self.count, max(sizes), *local.shape[1:])
        if min(sizes) == max(sizes):
            return found.flatten(0, 1)
        return torch.cat([part[:size] for part, size in zip(found, sizes, strict=True)])

    def summed(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return the sums of each tensor over all ranks; tensors of one type travel together."""
        sums: dict[int, Tensor] = {}
        for dtype in dict.fromkeys(t.dtype for t in tensors):
            places = [k for k, t in enumerate(tensors) if t.dtype == dtype]
            flat = torch.cat([tensors[k].reshape(-1) for k in places])
            dist.all_reduce(flat)
            parts = torch.split(flat, [tensors[k].numel() for k in places])
            sums |= {k: part.view(tensors[k].shape) for k, part in zip(places, parts, strict=True)}
        return [sums[k] for k in range(len(tensors))]

    def all_agree(self, holds: bool) -> bool:
        """Return whether something holds on every rank."""
        if self.count == 1:
            return holds
        verdict = torch.tensor([int(holds)], device=self.device)
        dist.all_reduce(verdict, dist.ReduceOp.MIN)
        return bool(verdict.item())

    def in_turn(self, do: Callable[[], T]) -> T:
        """Let the first rank do something, then the others, and wait for all."""
        if self.leads:
            done = do()
        self.wait()
        if not self.leads:
            done = do()
        self.wait()
        return done

    def wait(self) -> None:
        """Wait until all ranks are here."""
        self.all_agree(True)

    def take_over(self, tensor: Tensor) -> Tensor:
        """Return the first rank's values of a tensor."""
        values = tensor.detach().clone().contiguous()
        dist.broadcast(values, 0)
        return values


ALONE = Ranks()
_current = ALONE


def current_ranks() -> Ranks:
    """Return the place of this process."""
    return _current


@contextmanager
def joined(ranks: Ranks) -> Iterator[None]:
    """Let this process be one of several in the body; torch.distributed is set up by the caller."""
    global _current
    before, _current = _current, ranks
    try:
        yield
    finally:
        _current = before
