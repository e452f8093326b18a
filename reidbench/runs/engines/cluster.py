"""Workers on a Ray cluster: a task for each stage, begun again where a worker is lost.

All nodes must have reidbench and the plugins installed, and see the folders of the command under
the same paths, or else have a cache of their own that stages are sent to and from.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from reidbench.errors import UsageError
from reidbench.runs.engines.sending import Input, Sending, compute_sent
from reidbench.runs.engines.workers import RETRIES, Ended, LostWorkerError, compute, worker_session
from reidbench.runs.options import ExecutionOptions
from reidbench.runs.runner import Session
from reidbench.stages import Stage
from reidbench.storage.packed import Packed
from reidbench.storage.root import default_root


def check_installed() -> None:
    """Refuse if there is no Ray.

    Raises:
        UsageError: saying how to install it.
    """
    if find_spec("ray") is None:
        raise UsageError("--engine ray needs Ray: pip install 'reidbench[ray]'")


class RayWorkers:
    """A task for each stage; Ray places it where its CPUs, and its GPU, are free."""

    def __init__(
        self,
        options: ExecutionOptions,
        jobs: int = 1,
        address: str | None = None,
        *,
        sent: bool = False,
    ) -> None:
        """Connect to a cluster.

        Args:
            options: of the session that each worker opens.
            jobs: stages at a time, if more than 1; a stage then has its part of the CPUs. Else it
                has as many as OMP_NUM_THREADS says, or one.
            address: of a cluster that runs; None takes that of this machine, or starts one.
            sent: whether stages are sent to and from the nodes, which share no cache.

        Raises:
            UsageError: if a node does not see the cache.
        """
        import ray

        self._ray = ray
        if not ray.is_initialized():
            ray.init(address=address, log_to_driver=False, include_dashboard=False)
        self._options = replace(options, cache=options.cache.absolute())
        self.threads = _threads(ray, jobs)
        self._gpus = 1 if options.device != "cpu" and ray.cluster_resources().get("GPU") else 0
        self._tasks: dict[Any, Stage] = {}
        self._sending = Sending(ray, self._options) if sent else None
        self._compute = ray.remote(
            num_cpus=self.threads,
            num_gpus=self._gpus,
            num_returns=2 if sent else 1,
            max_retries=RETRIES,
            runtime_env={"env_vars": {"OMP_NUM_THREADS": str(self.threads)}},
        )(_compute_sent if sent else _compute)
        if not sent:
            self._refuse_unseen()

    @property
    def free(self) -> bool:
        """True if the cluster has room for one more stage."""
        resources: dict[str, float] = self._ray.cluster_resources()
        room = resources.get("CPU", 0) // self.threads
        if self._gpus:
            room = min(room, resources["GPU"])
        return len(self._tasks) < max(1, int(room))

    def submit(self, stage: Stage) -> None:
        """Hand a stage over."""
        given = stage, self._options, str(Path.cwd())
        if self._sending is None:
            self._tasks[self._compute.remote(*given)] = stage
        else:
            inputs, where = self._sending.inputs_of(stage), self._sending.where(stage)
            ended, packed = self._compute.options(**where).remote(*given, inputs)
            self._sending.expect(stage, packed)
            self._tasks[ended] = stage

    def wait(self, seconds: float) -> Sequence[Ended]:
        """Return what has ended, after at most so many seconds."""
        if not self._tasks:
            time.sleep(seconds)
            return []
        ready, _ = self._ray.wait([*self._tasks], timeout=seconds)
        return [self._ended(task) for task in ready]

    def close(self) -> None:
        """End what runs, and leave the cluster; one that was started here ends."""
        for task in self._tasks:
            self._ray.cancel(task, force=True)
        self._tasks.clear()
        self._ray.shutdown()

    def _ended(self, task: Any) -> Ended:
        stage = self._tasks.pop(task)
        try:
            ended: Ended = self._ray.get(task)
            return ended if self._sending is None else self._sending.received(ended)
        except self._ray.exceptions.RayError as error:
            reason = str(error).strip().partition("\n")[0]
            return Ended(stage.key, LostWorkerError(f"'{stage.title}' was lost by Ray: {reason}"))

    def _refuse_unseen(self) -> None:
        """Raise if a node does not see the cache that this process sees."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        token = self._options.cache / f".seen-{secrets.token_hex(8)}"
        token.touch()
        try:
            nodes = [node for node in self._ray.nodes() if node["Alive"]]
            sees = self._ray.remote(num_cpus=0)(_sees)
            asked = [
                sees.options(
                    scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                ).remote(str(token))
                for node in nodes
            ]
            seen = self._ray.get(asked)
        finally:
            token.unlink()
        if blind := [n["NodeManagerAddress"] for n, s in zip(nodes, seen, strict=True) if not s]:
            raise UsageError(
                f"node {blind[0]} of the cluster does not see {self._options.cache}: name a folder "
                "that all share with --cache"
            )


def _threads(ray: Any, jobs: int) -> int:
    named = os.environ.get("OMP_NUM_THREADS", "")
    if named.isdigit() and int(named):
        return int(named)
    if jobs == 1:
        return 1
    each = [int(n["Resources"].get("CPU", 0)) for n in ray.nodes() if n["Alive"]]
    most = max(each)  # a stage runs on one node
    return max(1, min(sum(each) // jobs, most))


def _sees(token: str) -> bool:
    return Path(token).exists()


def _compute(stage: Stage, options: ExecutionOptions, folder: str) -> Ended:
    if Path(folder).is_dir():
        os.chdir(folder)  # paths that the user gave start from there
    return compute(stage, _opened(options))


def _compute_sent(
    stage: Stage, options: ExecutionOptions, folder: str, inputs: Sequence[Input]
) -> tuple[Ended, Packed | None]:
    if Path(folder).is_dir():
        os.chdir(folder)
    return compute_sent(stage, _opened(replace(options, cache=default_root())), inputs)


@cache
def _opened(options: ExecutionOptions) -> Session:
    return worker_session(options)
