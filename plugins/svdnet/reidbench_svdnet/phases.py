"""Restraint and relaxation iteration (RRI): what a step of the training belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal


@dataclass(frozen=True)
class Phase:
    """A stretch of the training.

    Attributes:
        kind: "base" before the first decorrelation; then "restraint", in which the Eigenlayer is
            fixed, and "relaxation", in which it learns.
        round: the iteration, from 1; 0 for the base training.
        first: its first step.
        steps: its number of steps.
    """

    kind: Literal["base", "restraint", "relaxation"]
    round: int
    first: int
    steps: int

    def progress(self, step: int) -> float:
        """Return the fraction of it that lies behind, at a step of the whole training."""
        return (step - self.first) / self.steps


@lru_cache(maxsize=8)
def phases(steps: int, rounds: int, base: float, restraint: float) -> tuple[Phase, ...]:
    """Return the phases in turn: algorithm 1 of the paper. Those shorter than a step are left out.

    Args:
        steps: of the whole training.
        rounds: iterations; the base training takes everything if there are none.
        base: fraction of the training before the first one.
        restraint: fraction of each iteration with the Eigenlayer fixed.
    """
    base = base if rounds else 1.0
    marks: list[tuple[Literal["base", "restraint", "relaxation"], int, float]] = [("base", 0, 0.0)]
    for k in range(rounds):
        marks.append(("restraint", k + 1, base + (1 - base) * k / rounds))
        marks.append(("relaxation", k + 1, base + (1 - base) * (k + restraint) / rounds))
    firsts = [*(round(steps * at) for _, _, at in marks), steps]
    found = [
        Phase(kind, number, first, end - first)
        for (kind, number, _), first, end in zip(marks, firsts, firsts[1:], strict=False)
    ]
    return tuple(phase for phase in found if phase.steps)


def phase_at(step: int, found: tuple[Phase, ...]) -> Phase:
    """Return the phase that a step of the whole training belongs to."""
    return next(p for p in found if step < p.first + p.steps)
