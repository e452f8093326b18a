"""Losses of every step of a training, as JSON lines; an interrupted training continues them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reidbench.errors import ReidbenchError
from reidbench.interfaces import Log
from reidbench.storage.files import writing
from reidbench.storage.keys import JSON

SUFFIX = ".losses.jsonl"
_LAST = 10  # what a training ends with are the means over so many-th part of its steps


class History:
    """Records what the steps of a phase tell.

    Values are fetched from the device many at a time, when they are looked at.

    Args:
        folder: folder of the checkpoints.
        name: of the phase.
        first: step that the phase goes on at; what was recorded of later ones is forgotten.
    """

    def __init__(self, folder: Path, name: str, first: int) -> None:
        self.name, self.path = name, folder / f"{name}{SUFFIX}"
        self._waiting: list[tuple[int, Log]] = []
        self._lines: list[str] = []
        self._forget(first)

    def add(self, step: int, log: Log) -> None:
        """Note the values of a step; a tensor is not waited for.

        Raises:
            TypeError: if they are no mapping.
        """
        if not isinstance(log, Mapping):
            raise TypeError(f"a step returned a {type(log).__name__}, not the losses to show")
        kept = {k: v.detach() if isinstance(v, Tensor) else v for k, v in log.items()}
        self._waiting.append((step, kept))

    def settle(self) -> dict[str, float]:
        """Return the values of the last step noted.

        Raises:
            ReidbenchError: if a value of any step is not finite.
        """
        values: dict[str, float] = {}
        for (step, _), values in zip(self._waiting, _fetched(self._waiting), strict=True):
            self._refuse_infinite(step, values)
            line = {"step": step, **{k: float(f"{v:.6g}") for k, v in values.items()}}
            self._lines.append(json.dumps(line))
        self._waiting.clear()
        return values

    def write(self) -> None:
        """Add what is settled to the file."""
        if self._lines:
            with writing(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a", encoding="utf-8") as file:
                    file.write("\n".join(self._lines) + "\n")
        self._lines.clear()

    def _forget(self, first: int) -> None:
        """Leave the steps before ``first`` in the file; a crash may have cut its last line."""
        if not self.path.exists():
            return
        kept = [line for line in _whole(self.path) if line["step"] < first]
        self.path.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")

    def _refuse_infinite(self, step: int, values: Mapping[str, float]) -> None:
        if bad := [k for k, v in values.items() if not math.isfinite(v)]:
            raise ReidbenchError(
                f"training diverged: {', '.join(bad)} is not finite at step {step + 1} of "
                f"'{self.name}'; a lower learning rate or --precision float32 may help"
            )


def trends(path: Path) -> dict[str, JSON]:
    """Return where each loss of a file ended, and how much it still fell or rose.

    Returns:
        By name, ``end``: the mean over the last tenth of the steps that tell it; ``change``: what a
        straight line through that tenth gains from its start to its end, as a fraction of the mean;
        ``error``: the standard error of that. None where fewer than three values tell.
    """
    series: dict[str, list[float]] = {}
    for line in _whole(path):
        for name, value in line.items():
            if name != "step":
                series.setdefault(name, []).append(value)
    return {name: _trend(values) for name, values in series.items()}


def _trend(values: Sequence[float]) -> dict[str, JSON]:
    last = np.array(values[-max(1, len(values) // _LAST) :])
    end, change, error = float(last.mean()), None, None
    if len(last) > 2 and end != 0:
        when = np.linspace(-0.5, 0.5, len(last))
        slope = float(when @ last / (when @ when))
        rest = last - end - slope * when
        spread = float(np.sqrt(rest @ rest / (len(last) - 2) / (when @ when)))
        change, error = slope / abs(end), spread / abs(end)
    rounded = (None if v is None else float(f"{v:.6g}") for v in (end, change, error))
    return dict(zip(("end", "change", "error"), rounded, strict=True))


def _whole(path: Path) -> list[dict[str, float]]:
    """Return the lines of a file up to the first that is damaged."""
    found: list[dict[str, float]] = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def _fetched(waiting: Sequence[tuple[int, Log]]) -> list[dict[str, float]]:
    """Return the values of steps as numbers; all tensors of a device cross over at once."""
    values = [v for _, log in waiting for v in log.values()]
    tensors = [v.float().reshape(()) for v in values if isinstance(v, Tensor)]
    numbers = iter(torch.stack(tensors).tolist() if tensors else ())
    return [
        {k: next(numbers) if isinstance(v, Tensor) else float(v) for k, v in log.items()}
        for _, log in waiting
    ]
