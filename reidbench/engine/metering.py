"""Measure the speed and memory of a stage, on this machine at this time."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.interfaces import Clock, Log
from reidbench.storage.checkpoint import State
from reidbench.storage.keys import JSON


@dataclass(frozen=True)
class Metered(Loop):
    """A loop that records its number of steps and their seconds.

    The steps that an interrupted run had made before are none of them.
    """

    made: list[tuple[int, float]] = field(default_factory=list)

    def run(
        self, steps: int, step: Callable[[Clock], Log], state: State, name: str = "train"
    ) -> None:
        """Run the steps and record their number and seconds."""
        clocks: list[Clock] = []

        def noted(clock: Clock) -> Log:
            clocks.append(clock)
            return step(clock)

        started = time.perf_counter()
        super().run(steps, noted, state, name)
        self.made.append((len(clocks), time.perf_counter() - started))

    def images_a_second(self, batch: int) -> float | None:
        """Return the training images per second; None if no step was made."""
        steps, seconds = sum(n for n, _ in self.made), sum(s for _, s in self.made)
        return steps * batch / seconds if steps else None


def metered(loop: Loop) -> Metered:
    """Return the same loop with metering."""
    return Metered(**vars(loop))


@contextmanager
def peak_memory(hardware: Hardware) -> Iterator[dict[str, JSON]]:
    """Record the peak memory of the body, in bytes, and the holder of that memory.

    On an accelerator that of its tensors. On a CPU it is the most that the process ever had in
    memory, so that what ran before in the same process counts as well.
    """
    noted: dict[str, JSON] = {}
    cuda = hardware.device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats(hardware.device)
    yield noted
    if cuda:
        noted["peak_memory"] = torch.cuda.max_memory_allocated(hardware.device)
        noted["peak_memory_of"] = "tensors on the device, in this stage"
    else:
        unit = 1 if sys.platform == "darwin" else 1024  # where the kernel counts in KiB
        noted["peak_memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        noted["peak_memory_of"] = "the process, since its start"
