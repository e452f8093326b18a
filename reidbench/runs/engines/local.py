"""Worker processes on this machine, each with its part of the threads and perhaps a GPU."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace

from reidbench.runs.engines.workers import (
    RETRIES,
    Ended,
    LostWorkerError,
    compute,
    worker_session,
)
from reidbench.runs.lifelines import end_with_parent
from reidbench.runs.options import ExecutionOptions
from reidbench.runs.runner import Session
from reidbench.stages import Stage

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

_session: Session | None = None  # of the worker that this process is


class LocalWorkers:
    """So many processes; one that is lost is replaced, and begins its stage where it stopped."""

    def __init__(self, options: ExecutionOptions, jobs: int, devices: Sequence[str] = ()) -> None:
        """Start nothing yet.

        Args:
            options: of the session that each worker opens.
            jobs: number of processes.
            devices: shared out in turn; none for the device of the options.
        """
        self.threads = threads_of(jobs)
        each = [devices[n % len(devices)] if devices else options.device for n in range(jobs)]
        self._slots = [_Slot(replace(options, device=d), self.threads) for d in each]

    @property
    def free(self) -> bool:
        """True if a process has nothing to do."""
        return any(slot.stage is None for slot in self._slots)

    def submit(self, stage: Stage) -> None:
        """Hand a stage to a process that has nothing to do."""
        next(slot for slot in self._slots if slot.stage is None).begin(stage)

    def wait(self, seconds: float) -> Sequence[Ended]:
        """Return what has ended, after at most so many seconds."""
        futures = [slot.future for slot in self._slots if slot.future is not None]
        if not futures:  # others compute all that is left
            time.sleep(seconds)
        wait(futures, seconds, FIRST_COMPLETED)
        found = [slot.ended() for slot in self._slots]
        return [ended for ended in found if ended is not None]

    def close(self) -> None:
        """End all processes; what they were at stays at its last checkpoint."""
        for slot in self._slots:
            slot.close()


@dataclass
class _Slot:
    """The place of one process: an executor of its own, so that its loss disturbs no other."""

    options: ExecutionOptions
    threads: int
    executor: ProcessPoolExecutor | None = None
    stage: Stage | None = None
    future: Future[Ended] | None = None
    lost: int = 0

    def begin(self, stage: Stage) -> None:
        self.stage, self.lost = stage, 0
        self._submit()

    def ended(self) -> Ended | None:
        """Return what became of the stage; None while it is computed or begun again."""
        if self.stage is None or self.future is None or not self.future.done():
            return None
        try:
            ended = self.future.result()
        except BrokenProcessPool:
            self.close()
            self.lost += 1
            if self.lost <= RETRIES:
                self._submit()
                return None
            ended = Ended(self.stage.key, LostWorkerError(_lost(self.stage, self.lost)))
        except Exception as error:  # it could not even be sent there
            ended = Ended(self.stage.key, error)
        self.stage = self.future = None
        return ended

    def close(self) -> None:
        """End the process, whatever it does."""
        executor, self.executor = self.executor, None
        if executor is None:
            return
        if self.stage is not None:  # Python 3.14 has terminate_workers for this
            for process in list((executor._processes or {}).values()):
                process.terminate()
        executor.shutdown(wait=True, cancel_futures=True)

    def _submit(self) -> None:
        assert self.stage is not None
        with _environment(self.threads):
            if self.executor is None:
                spawn = multiprocessing.get_context("spawn")  # torch does not survive a fork
                self.executor = ProcessPoolExecutor(1, spawn, _open, (self.options,))
            self.future = self.executor.submit(_compute, self.stage)


def threads_of(jobs: int) -> int:
    """Return the threads of each of so many processes: what OMP_NUM_THREADS says, or their part."""
    named = os.environ.get("OMP_NUM_THREADS", "")
    if named.isdigit() and int(named):
        return int(named)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) // jobs)


def _lost(stage: Stage, times: int) -> str:
    return (
        f"the process that computed '{stage.title}' was killed {times} times, perhaps for want of "
        "memory: try fewer --jobs or a smaller batch, e.g. --set budget.batch=1"
    )


def _open(options: ExecutionOptions) -> None:
    """Open the worker's session; it ends when the command does, however that ends."""
    global _session
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the command ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=end_with_parent, daemon=True).start()
    _session = worker_session(options)


def _compute(stage: Stage) -> Ended:
    assert _session is not None
    return compute(stage, _session)


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Give processes that the body starts a number of threads; this one has read its own."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
