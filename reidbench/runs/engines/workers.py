"""The contract between a sweep and an engine, and the part of a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from reidbench.errors import BusyError, ReidbenchError
from reidbench.nn.weights import look_for_weights_in
from reidbench.progress import Silent
from reidbench.registry.loading import load_plugins
from reidbench.runs.lifelines import portable
from reidbench.runs.options import ExecutionOptions, hardware_of
from reidbench.runs.runner import Session, compute_stage
from reidbench.stages import Stage
from reidbench.storage.artifacts import Store

RETRIES = 3
"""Times that a stage is begun again after the process that computed it was lost."""


class LostWorkerError(ReidbenchError):
    """A worker ended in the midst of a stage, again and again: killed, say for want of memory."""


@dataclass(frozen=True)
class Ended:
    """Outcome of a stage that was handed over.

    Attributes:
        key: of the stage.
        error: why it failed; None if it did not.
        busy: True if another command is computing it.
        reused: True if it was there already.
    """

    key: str
    error: Exception | None = None
    busy: bool = False
    reused: bool = False


class Workers(Protocol):
    """Workers that compute stages whose inputs are in the store."""

    @property
    def free(self) -> bool:
        """True if one more stage can be handed over."""

    def submit(self, stage: Stage) -> None:
        """Hand a stage over."""

    def wait(self, seconds: float) -> Sequence[Ended]:
        """Return what has ended, after at most so many seconds."""

    def close(self) -> None:
        """End all workers at once; what they were at stays at its last checkpoint."""


def worker_session(options: ExecutionOptions) -> Session:
    """Return a session that waits for nobody and shows nothing: notes tell how far it is."""
    look_for_weights_in(options.weights_root)
    return Session(
        Store(options.cache, options.verify),
        hardware_of(options),
        Silent(),
        load_plugins().manager.hook,
        options.checkpoint_every,
        patient=False,
        dev=options.dev,
        profile=options.profile,
    )


def compute(stage: Stage, session: Session) -> Ended:
    """Compute a stage, and tell what became of it; no error leaves a worker as an exception."""
    try:
        return Ended(stage.key, reused=compute_stage(stage, session).reused)
    except BusyError:
        return Ended(stage.key, busy=True)
    except Exception as error:
        return Ended(stage.key, portable(error))
