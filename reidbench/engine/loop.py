"""The one training loop under every translator and learner: streams, precision, resuming."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reidbench.engine.hardware import Hardware
from reidbench.engine.streams import stream
from reidbench.errors import ReidbenchError
from reidbench.interfaces import Clock, Log
from reidbench.progress import Progress, silent
from reidbench.storage.checkpoint import State, load_state, save_state

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
    """

    folder: Path
    seed: int
    hardware: Hardware
    progress: Progress = silent
    checkpoint_every: float = 60.0

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
            ReidbenchError: if a shown value is not finite.
        """
        path = self.folder / f"{name}.safetensors"
        first = load_state(path, state) if path.exists() else 0
        saved = shown = time.monotonic()
        for index in range(first, steps):
            with stream(self.seed, name, index), self.hardware.autocast():
                log = step(Clock(index, steps))
            now, last = time.monotonic(), index + 1 == steps
            if last or now - shown >= SHOW_EVERY:
                self.progress(index + 1, steps, _finite(log, name, index))
                shown = now
            if last or now - saved >= self.checkpoint_every:
                _finite(log, name, index)
                save_state(path, state, index + 1)
                saved = time.monotonic()


def _finite(log: Log, name: str, index: int) -> dict[str, float]:
    values = {k: float(v) for k, v in log.items()}
    bad = [k for k, v in values.items() if not math.isfinite(v)]
    if bad:
        raise ReidbenchError(
            f"training diverged: {', '.join(bad)} is not finite at step {index + 1} of '{name}'; "
            "a lower learning rate or --precision float32 may help"
        )
    return values
