"""The last two checkpoints of a training: a damaged one is set aside, and the other serves."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reidbench.errors import ReidbenchError, shown
from reidbench.storage.checkpoint import DamagedCheckpointError, State, load_state, save_state

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one phase of a training.

    Attributes:
        folder: folder of the checkpoints while the stage is unfinished.
        name: of the phase.
    """

    folder: Path
    name: str

    def save(self, state: State, step: int) -> None:
        """Write the state after ``step`` steps; the checkpoint before it stays."""
        if self._last.exists():
            self._before.unlink(missing_ok=True)
            try:
                os.link(self._last, self._before)
            except OSError:  # not every file system has links
                self._last.replace(self._before)
        save_state(self._last, state, step)

    def resume(self, state: State, steps: int, say: Callable[[str], None]) -> int:
        """Restore the newest state that is whole, and return the steps it was saved after.

        Args:
            state: every module and optimiser that a step changes; as it was without a checkpoint.
            steps: number of steps of the phase.
            say: told of a checkpoint that is damaged.

        Raises:
            ReidbenchError: if a checkpoint was written for other networks or other steps.
        """
        for path in (self._last, self._before):
            if path.exists():
                try:
                    step = load_state(path, state)
                except DamagedCheckpointError as error:
                    self._set_aside(path, error, say)
                else:
                    return self._checked(path, step, steps)
        return 0

    def _set_aside(
        self, path: Path, error: DamagedCheckpointError, say: Callable[[str], None]
    ) -> None:
        damaged = self.folder / f"{self.name}.damaged{SUFFIX}"
        path.replace(damaged)
        older = path == self._last and self._before.exists()
        rest = "the one before it is used" if older else "the training begins anew"
        say(f"{error}; it is set aside as {shown(damaged.name)}, and {rest}")

    @staticmethod
    def _checked(path: Path, step: object, steps: int) -> int:
        if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step <= steps:
            raise ReidbenchError(
                f"the checkpoint {shown(path)} tells of step {shown(str(step)[:20])} of {steps}; "
                "remove it with: reidbench cache rm --partial"
            )
        return step

    @property
    def _last(self) -> Path:
        return self.folder / f"{self.name}{SUFFIX}"

    @property
    def _before(self) -> Path:
        return self.folder / f"{self.name}.before{SUFFIX}"
