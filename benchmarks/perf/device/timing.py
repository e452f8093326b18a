"""Seconds and memory of steps that take turns on a device."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch

from reidbench.engine.compiling import Compilation
from reidbench.engine.flops import _counter
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.engine.streams import stream
from reidbench.interfaces import Clock, Log
from reidbench.storage.checkpoint import State

GIB = 2**30
Step = Callable[[], object]
Part = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """Where and how long is measured.

    Attributes:
        device: of all contenders.
        tiny: sizes at which a part takes a second on a CPU, and its figures say nothing.
        rounds: turns of each contender, of which the fastest counts.
        steps: in a turn.
        until: moment, as ``time.monotonic`` has it, at which the last part is to end.
    """

    device: torch.device
    tiny: bool = False
    rounds: int = 5
    steps: int = 10
    until: float = float("inf")

    @property
    def warm_up(self) -> int:
        """Steps before the first turn: compiling, capturing and searching for kernels."""
        return 1 if self.tiny else 8

    @property
    def backbone(self) -> str:
        """Network of learners and extraction."""
        return "resnet18" if self.tiny else "resnet50"

    @property
    def compile(self) -> str:
        """Value of ``--compile`` for the contender that is compiled."""
        return "on" if self.device.type == "cuda" else "off"

    def wait(self) -> None:
        """Wait until the device has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


@dataclass(frozen=True)
class Contender:
    """A step to be timed.

    Attributes:
        step: makes it.
        told: what is worth telling of how it ran.
    """

    step: Step
    told: Callable[[], Part] = dict


Build = Callable[[ExitStack], Contender]


def compared(bench: Bench, builds: Mapping[str, Build], plain: str = "plain") -> Part:
    """Return milliseconds, memory and TFLOP/s of each contender, and the ratios to the plain one.

    Memory is what the device held at the peak of a contender's steps, once it was warm, above what
    it held before. FLOPs are those of the plain step, which does the same.
    """
    with ExitStack() as stack:
        made, found = {}, {}
        for name, build in builds.items():
            made[name], found[name] = _prepared(bench, build, stack)
        with _counter() as counter:
            made[plain].step()
        tflop = counter.get_total_flops() / 1e12
        seconds = in_turns(bench, {name: c.step for name, c in made.items()})
        for name, contender in made.items():
            found[name] |= {
                "ms": round(1000 * seconds[name], 3),
                "TFLOP/s": round(tflop / seconds[name], 1),
                **contender.told(),
            }
    ratios = {n: round(seconds[plain] / s, 2) for n, s in seconds.items() if n != plain}
    return {"TFLOP a step": round(tflop, 4), **found, "times as fast as plain": ratios}


def in_turns(bench: Bench, steps: Mapping[str, Step]) -> dict[str, float]:
    """Return the seconds of a step in the fastest turn of each contender."""
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(bench.rounds):
        for name, step in steps.items():
            best[name] = min(best[name], turn(bench, step))
    return best


def turn(bench: Bench, step: Step) -> float:
    """Return the seconds of a step, of so many in a row."""
    bench.wait()
    start = time.perf_counter()
    for _ in range(bench.steps):
        step()
    bench.wait()
    return (time.perf_counter() - start) / bench.steps


def _prepared(bench: Bench, build: Build, stack: ExitStack) -> tuple[Contender, Part]:
    before = _reserved(bench)
    contender = build(stack)
    start = time.perf_counter()
    for _ in range(bench.warm_up):
        contender.step()
    bench.wait()
    told: Part = {"warm-up, s": round(time.perf_counter() - start, 1)}
    if bench.device.type == "cuda":
        _reserved(bench)  # what the search for kernels took is none of a step's
        for _ in range(3):
            contender.step()
        held = torch.cuda.max_memory_reserved(bench.device) - before
        told["GiB"] = round(held / GIB, 2)
    return contender, told


def _reserved(bench: Bench) -> int:
    """Return the bytes that are in use or in captured graphs, and let the peak start there."""
    if bench.device.type != "cuda":
        return 0
    bench.wait()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(bench.device)
    return torch.cuda.memory_reserved(bench.device)


def as_the_loop_makes_it(
    stack: ExitStack, state: State, hardware: Hardware, step: Callable[[Clock], Log]
) -> Contender:
    """Return a training's step with its stream, its precision and its compiled networks."""
    compilation = Compilation(state, hardware, 10**6, print)
    stack.enter_context(compilation.running())

    def within() -> Log:
        with stream(0, "bench"), hardware.autocast():
            return step(Clock(0, 1000))

    return Contender(lambda: compilation.make(within), lambda: _outcome(compilation))


def _outcome(compilation: Compilation) -> Part:
    return {"compiled": compilation.outcome} if compilation.outcome else {}


@dataclass(frozen=True)
class Timed(Loop):
    """A loop that times the steps of a fit, batches and all, in turns with a rival's.

    Attributes:
        bench: rounds and steps.
        rival: a step to compare with; None times the fit alone.
        seconds: of a step, by contender; filled in by ``run``.
    """

    bench: Bench = field(default_factory=lambda: Bench(torch.device("cpu")))
    rival: Step | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def run(
        self, steps: int, step: Callable[[Clock], Log], state: State, name: str = "train"
    ) -> None:
        """Make warm-up steps and then the turns, as many steps as they take."""
        with ExitStack() as stack:
            clock = iter(range(10**9))
            own = as_the_loop_makes_it(
                stack, state, self.hardware, lambda _: step(Clock(next(clock) % steps, steps))
            )
            turns = {"ours": own.step, **({"plain": self.rival} if self.rival else {})}
            for each in turns.values():
                for _ in range(self.bench.warm_up):
                    each()
            self.seconds.update(in_turns(self.bench, turns))
            self.used.update(own.told())
