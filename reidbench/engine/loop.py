"""The one training loop under every translator and learner: streams, precision, resuming."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from reidbench.engine.checkpoints import Checkpoints
from reidbench.engine.compiling import Compilation
from reidbench.engine.hardware import Hardware
from reidbench.engine.history import History
from reidbench.engine.profiling import profiled
from reidbench.engine.ranks import current_ranks
from reidbench.engine.sharing import sharing_networks
from reidbench.engine.streams import stream
from reidbench.interfaces import Clock, Log
from reidbench.progress import Progress, say_nothing, silent
from reidbench.storage.checkpoint import State
from reidbench.storage.keys import JSON

SHOW_EVERY = 0.2  # seconds; reading a loss waits for the accelerator


@dataclass(frozen=True)
class Loop:
    """Makes the steps of a training run, and resumes an interrupted one at its checkpoint.

    Attributes:
        folder: folder of the checkpoints while the stage is unfinished.
        seed: root of the streams of this run.
        hardware: device and precision of every step.
        progress: callback for steps done, steps in all and losses, a few times a second.
        checkpoint_every: seconds between checkpoints.
        say: told of what a person should know, in a line.
        traces: folder that a profile of each phase's first steps goes to; None for no profile.
        used: told of how the steps were made, by name, where it is not the plain way.
    """

    folder: Path
    seed: int
    hardware: Hardware
    progress: Progress = silent
    checkpoint_every: float = 60.0
    say: Callable[[str], None] = say_nothing
    traces: Path | None = None
    used: dict[str, JSON] = field(default_factory=dict)

    def run(
        self, steps: int, step: Callable[[Clock], Log], state: State, name: str = "train"
    ) -> None:
        """Call ``step`` for every clock tick; each tick has torch's global stream to itself.

        Args:
            steps: number of steps.
            step: does one update and returns values to show.
            state: every module and optimiser that ``step`` changes, by name.
            name: of this phase, where a run has several; phases have streams and checkpoints of
                their own.

        Raises:
            ReidbenchError: if a value that a step returns is not finite, or a checkpoint is of
                another training.
        """
        ranks, checkpoints = current_ranks(), Checkpoints(self.folder, name)
        first = ranks.in_turn(lambda: checkpoints.resume(state, steps, self.say))
        if not ranks.leads:
            self._follow(range(first, steps), step, state, name)
            return
        history = History(self.folder, name, first)
        compilation = Compilation(state, self.hardware, steps - first, self.say)
        saved = shown = time.monotonic()
        sharing = sharing_networks(state, ranks, self.say)

        def made(index: int) -> Log:
            with stream(self.seed, name, index), self.hardware.autocast():
                return step(Clock(index, steps))

        with (
            sharing as alike,
            compilation.running(),
            profiled(self.traces, name, steps - first, self.say) as traced,
        ):
            for index in range(first, steps):
                history.add(index, compilation.make(partial(made, index)))
                alike(index, steps)
                traced()
                now, last = time.monotonic(), index + 1 == steps
                save = last or now - saved >= self.checkpoint_every
                if save or now - shown >= SHOW_EVERY:
                    self.progress(index + 1, steps, history.settle())
                    shown = now
                if save:
                    history.write()
                    checkpoints.save(state, index + 1)
                    saved = time.monotonic()
        if compilation.outcome:
            self.used["compiled"] = {**self._compiled, name: compilation.outcome}

    @property
    def _compiled(self) -> dict[str, JSON]:
        known = self.used.get("compiled")
        return known if isinstance(known, dict) else {}

    def _follow(
        self, indices: range, step: Callable[[Clock], Log], state: State, name: str
    ) -> None:
        """Make the steps that the first of several processes makes, and write nothing."""
        with sharing_networks(state, current_ranks(), self.say) as alike:
            for index in indices:
                with stream(self.seed, name, index), self.hardware.autocast():
                    step(Clock(index, indices.stop))
                alike(index, indices.stop)
