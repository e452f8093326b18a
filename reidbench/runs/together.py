"""A stage computed by several processes, a device each, that lightning-fabric starts and joins.

The first one writes the artifact and shows progress. The others make the same steps, and what they
write goes with them. This process waits for all of them: when one ends early, it ends the rest.
"""

from __future__ import annotations

import atexit
import json
import logging
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from importlib.util import find_spec
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from reidbench.engine.hardware import Hardware
from reidbench.engine.ranks import Ranks, joined
from reidbench.errors import ReidbenchError, UsageError
from reidbench.progress import Progress, say_nothing, silent
from reidbench.registry.faults import blaming
from reidbench.runs.computing import EXECUTION, computed
from reidbench.runs.lifelines import end_with_parent, portable
from reidbench.stages import Stage, Work
from reidbench.storage.artifacts import RESUME
from reidbench.storage.files import write_json
from reidbench.storage.keys import JSON

if TYPE_CHECKING:
    from lightning_fabric import Fabric

OTHERS = "ranks"
"""Folder, within a draft, of what all processes but the first write; it is removed."""
FACTS = "facts.json"
START = {"cpu": "forkserver", "cuda": "spawn"}
"""Ways to start a process. A server that has imported everything forks one in no time, which CUDA
does not survive if anything imported has looked for a device."""
LOOK_EVERY = 0.1  # seconds
LINGER = 1.0
"""Seconds that a process with an error waits before it ends. One that only lost another then lives
longer than the lost one, so that the first to end is the cause."""


def check_devices(hardware: Hardware, device: str, devices: int) -> None:
    """Refuse a number of devices that this machine does not have, before anything is computed.

    Args:
        hardware: of one of the devices.
        device: the option ``--device``.
        devices: number of devices that compute a stage together.

    Raises:
        UsageError: saying what there is, or what to install.
    """
    if devices == 1:
        return
    if devices < 1:
        raise UsageError(f"--devices must be 1 at least, not {devices}")
    if find_spec("lightning_fabric") is None:
        raise UsageError("--devices needs lightning-fabric: pip install 'reidbench[ddp]'")
    if hardware.device != torch.device(hardware.device.type):
        raise UsageError(
            f"--device {device} is one device, and --devices {devices} asks for several: "
            "take --device cuda, and choose among them by CUDA_VISIBLE_DEVICES"
        )
    count = torch.cuda.device_count()
    if hardware.device.type == "cuda" and devices > count:
        raise UsageError(f"--devices {devices}: this machine has {count} CUDA devices")


def compute_together(stage: Stage, work: Work, devices: int) -> dict[str, JSON]:
    """Compute a stage on several devices, and return its facts with ``device`` and ``devices``.

    Raises:
        ReidbenchError: what a process raised first, or that one was lost.
    """
    others = work.folder / OTHERS
    for rank in range(1, devices):
        (others / str(rank)).mkdir(parents=True)
    (work.folder / RESUME).mkdir(exist_ok=True)
    task = _Task(stage, replace(work, progress=silent, say=say_nothing), others)
    try:
        _launched(task, devices, work)
        facts: dict[str, Any] = json.loads((others / FACTS).read_text())
    finally:
        shutil.rmtree(others, ignore_errors=True)
    executed = {EXECUTION: {**facts.get(EXECUTION, {}), "devices": devices}}
    return {**facts, "device": f"{devices} x {facts['device']}", **executed}


class _Task:
    """A stage for several processes; no dataclass, because lightning-fabric copies those.

    Args:
        stage: to compute.
        work: of the first process, without its progress.
        others: folder of what the other processes write.
    """

    def __init__(self, stage: Stage, work: Work, others: Path) -> None:
        self.stage, self.work, self.others = stage, work, others
        self.environment = dict(os.environ)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Arrive in a process, and keep lightning-fabric from telling of it."""
        vars(self).update(state)
        os.environ.update(self.environment)  # a server keeps that of its own start
        _quieten()

    def on(self, ranks: Ranks, tell: Connection) -> None:
        """Compute the stage as one of several processes; the first keeps the facts."""
        hardware = replace(self.work.hardware, device=ranks.device)
        if ranks.leads:
            work = replace(self.work, hardware=hardware, **_told(tell))
        else:
            folder, resume = self.others / str(ranks.rank), self.work.folder / RESUME
            work = replace(self.work, hardware=hardware, folder=folder, resume=resume, traces=None)
        with joined(ranks), blaming(), redirect_stdout(sys.stderr):
            facts = computed(self.stage, work)
        if ranks.leads:
            write_json(self.others / FACTS, facts)


def _told(tell: Connection) -> dict[str, Any]:
    """Return the progress and the lines of the first process, sent to the one that waits."""

    def progress(done: int, total: int, log: Mapping[str, float]) -> None:
        tell.send(("progress", (done, total, dict(log))))

    def say(line: str) -> None:
        tell.send(("say", (line,)))

    return {"progress": progress, "say": say}


def _launched(task: _Task, devices: int, work: Work) -> None:
    """Let lightning-fabric start the processes, and wait for them.

    Raises:
        ReidbenchError: what a process raised first, or that one was lost.
    """
    if work.hardware.device.type == "cuda":
        torch.cuda.empty_cache()  # the first process takes this one's device over
    ends = [multiprocessing.Pipe(duplex=False) for _ in range(devices)]
    heard = _Heard([end for end, _ in ends], work.progress, work.say)
    with _own_children(), _own_environment(), heard.listening():
        fabric = _fabric(work.hardware, devices)
        try:
            fabric.launch(_on_rank, task, [end for _, end in ends])
        except ProcessExitedException as error:
            heard.stop()
            raise _lost(error, task.stage, devices) from error
        except ProcessRaisedException as error:
            heard.stop()
            raise heard.failure or RuntimeError(str(error)) from error


def _fabric(hardware: Hardware, devices: int) -> Fabric:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies
        from lightning_fabric import Fabric
        from lightning_fabric.plugins.environments import LightningEnvironment
        from lightning_fabric.strategies.ddp import DDPStrategy

    _quieten()
    kind = hardware.device.type
    multiprocessing.set_forkserver_preload(["lightning_fabric", __name__])
    # Its own environment, whatever scheduler the command was started by.
    strategy = DDPStrategy(start_method=START[kind], cluster_environment=LightningEnvironment())
    return Fabric(accelerator=kind, strategy=strategy, devices=devices)


def _quieten() -> None:
    """Leave it to errors to tell of processes."""
    for name in ("lightning_fabric", "torch.multiprocessing.spawn"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _on_rank(fabric: Fabric, task: _Task, tells: Sequence[Connection]) -> None:
    """Be one of the processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the command ends these
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=end_with_parent, daemon=True).start()
    tell = tells[fabric.global_rank]
    try:
        task.on(Ranks(fabric.global_rank, fabric.world_size, fabric.device), tell)
    except BaseException as error:
        if isinstance(error, Exception):
            tell.send(("failed", (portable(error),)))
        time.sleep(LINGER)
        raise
    atexit.register(_leave)


def _leave() -> None:
    """End at once: torch would take itself apart for seconds."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class _Heard:
    """Hears what the processes tell, and passes it on.

    Args:
        ends: of the pipes, one from each process.
        progress: told how far the first one is.
        say: told its lines.

    Attributes:
        failure: the first error that a process told of.
    """

    def __init__(
        self, ends: Sequence[Connection], progress: Progress, say: Callable[[str], None]
    ) -> None:
        self.ends, self.progress, self.say = ends, progress, say
        self.failure: Exception | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._hear, daemon=True)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear while the body runs."""
        self._thread.start()
        try:
            yield
        finally:
            self.stop()

    def stop(self) -> None:
        """Hear what was said before, and nothing more; a message cut off is given up."""
        self._over.set()
        self._thread.join(LINGER)

    def _hear(self) -> None:
        while (ready := wait(self.ends, LOOK_EVERY)) or not self._over.is_set():
            for end in ready:
                assert isinstance(end, Connection)
                kind, said = end.recv()
                if kind == "failed":
                    self.failure = self.failure or said[0]
                else:
                    (self.progress if kind == "progress" else self.say)(*said)


def _lost(error: ProcessExitedException, stage: Stage, devices: int) -> ReidbenchError:
    name = error.signal_name or f"exit code {error.exit_code}"
    return ReidbenchError(
        f"process {error.error_index + 1} of {devices} that computed '{stage.title}' was ended by "
        f"{name}, perhaps for want of memory; the same command goes on from the last checkpoint"
    )


@contextmanager
def _own_children() -> Iterator[None]:
    """End the processes that the body started, however it ends."""
    before = {process.pid for process in multiprocessing.active_children()}
    try:
        yield
    finally:
        mine: list[BaseProcess] = [
            process for process in multiprocessing.active_children() if process.pid not in before
        ]
        for process in mine:
            process.kill()
        for process in mine:
            process.join()


@contextmanager
def _own_environment() -> Iterator[None]:
    """Forget the variables that lightning-fabric sets for its processes, a port among them."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
