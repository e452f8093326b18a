"""Stages of nodes that share no folder: inputs and outputs go through Ray's object store.

Each node computes into a store of its own, ``$REIDBENCH_CACHE`` there or its home's cache, which
keeps checkpoints for a task that is begun again. What a task has finished is published in the store
of the command, all of it or nothing, by the checksums that came with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from reidbench.errors import ReidbenchError
from reidbench.runs.engines.workers import Ended, compute
from reidbench.runs.lifelines import portable
from reidbench.runs.options import ExecutionOptions
from reidbench.runs.runner import Session
from reidbench.runs.sources import remove_changed
from reidbench.stages import Stage
from reidbench.storage.artifacts import Store
from reidbench.storage.packed import Packed, keep, pack, seal_of


class Input(NamedTuple):
    """A finished stage that a task reads.

    Attributes:
        seal: of the artifact in the store of the command.
        packed: reference to it, which is fetched where the node lacks it.
    """

    key: str
    seal: str
    packed: Any


class Sending:
    """The part of the command: what it sends, and what it publishes of what comes back."""

    def __init__(self, ray: Any, options: ExecutionOptions) -> None:
        self._ray = ray
        self._store = Store(options.cache, options.verify)
        self._known: dict[str, Input] = {}
        self._expected: dict[str, Any] = {}

    def inputs_of(self, stage: Stage) -> list[Input]:
        """Return the inputs of a stage; each is put into the object store once.

        Raises:
            ReidbenchError: if one has gone from the store of the command.
        """
        return [self._input(each.key) for each in stage.inputs]

    def where(self, stage: Stage) -> dict[str, Any]:
        """Return the options of a task: what reads the user's data does so beside the command."""
        if stage.inputs:
            return {}
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = self._ray.get_runtime_context().get_node_id()
        return {"scheduling_strategy": NodeAffinitySchedulingStrategy(here, soft=True)}

    def expect(self, stage: Stage, packed: Any) -> None:
        """Note the reference to what a task will have finished."""
        self._expected[stage.key] = packed

    def received(self, ended: Ended) -> Ended:
        """Publish what a task has finished, and return what became of the stage.

        Raises:
            ray.exceptions.RayError: if it was lost with its node.
        """
        reference = self._expected.pop(ended.key)
        if ended.busy or ended.error is not None:
            return ended
        try:
            artifact = keep(self._ray.get(reference), self._store)
        except ReidbenchError as error:
            return Ended(ended.key, error)
        self._known[ended.key] = Input(ended.key, seal_of(artifact), reference)
        return ended

    def _input(self, key: str) -> Input:
        if key not in self._known:
            with self._store.held(key) as artifact:
                packed = pack(artifact)
            self._known[key] = Input(key, packed.seal, self._ray.put(packed))
        return self._known[key]


def compute_sent(
    stage: Stage, session: Session, inputs: Sequence[Input]
) -> tuple[Ended, Packed | None]:
    """Compute a stage in the store of this node, and return what became of it, and its output."""
    store = session.store
    try:
        store.prepare()
        if session.dev:
            remove_changed([stage], store)
        with store.using([stage.key, *(each.key for each in inputs)]):
            for each in inputs:
                _fetch(each, store)
            ended = compute(stage, session)
            whole = not ended.busy and ended.error is None
            if not whole:
                return ended, None
            with store.held(stage.key) as artifact:
                return ended, pack(artifact)
    except Exception as error:
        return Ended(stage.key, portable(error)), None


def _fetch(wanted: Input, store: Store) -> None:
    """Make sure that a node has an input as the command has it."""
    import ray

    there = store.find(wanted.key)
    if there is None or seal_of(there) != wanted.seal:
        keep(ray.get(wanted.packed), store)
