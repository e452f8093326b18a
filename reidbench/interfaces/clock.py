"""Position in a training run, of which all schedules are functions."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Position in a training run; every schedule is a function of it, so that resuming is exact.

    Attributes:
        step: index of this step, from 0.
        steps: number of steps of the whole run.
    """

    step: int
    steps: int

    @property
    def progress(self) -> float:
        """Fraction of the run that lies behind, in [0, 1)."""
        return self.step / self.steps

    def decay(self, hold: float) -> float:
        """Return the factor of a rate held until ``hold`` (a fraction), then falling to zero."""
        if self.progress < hold:
            return 1.0
        return (1.0 - self.progress) / (1.0 - hold)
