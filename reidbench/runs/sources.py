"""Source of the components behind artifacts: whether it is still that which made them.

Keys hold a component's version, never its source: a source that changed at an equal version shows
here alone. Every artifact's manifest notes the source of each component behind it and behind its
inputs; those of earlier versions note nothing, and tell nothing.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from reidbench.registry.origin import source_of
from reidbench.registry.registry import KINDS, Entry, Registry
from reidbench.stages import Stage
from reidbench.storage.artifacts import RESUME, Artifact, Store
from reidbench.storage.files import write_json
from reidbench.storage.keys import JSON

Sources = dict[str, list[str]]
"""Digests of the sources of each component, by kind, name and version; several if mixed."""

NOTED = "sources"
_BEGUN = "sources.json"


def sources_behind(stage: Stage, inputs: Iterable[Artifact]) -> Sources:
    """Return the sources of a stage's own components and of those behind its inputs."""
    found = {_label(e): {source_of(e.load())} for e in stage.entries}
    for artifact in inputs:
        _add(found, artifact.manifest.get(NOTED) or {})
    return {name: sorted(digests) for name, digests in found.items()}


def changed_since(artifact: Artifact, entries: Iterable[Entry]) -> list[Entry]:
    """Return the components that an artifact was made by another source of."""
    noted: Mapping[str, JSON] = artifact.manifest.get(NOTED) or {}
    known = {entry: noted.get(_label(entry)) for entry in entries}
    return [e for e, made_by in known.items() if made_by and made_by != [source_of(e.load())]]


def stale(store: Store, registry: Registry) -> Iterator[tuple[str, Entry]]:
    """Yield the key of each artifact that another source made, and the component it is of."""
    every = [entry for kind in KINDS for entry in registry.entries(kind)]
    for artifact in store.artifacts():
        named = {label.rpartition(" ")[0] for label in artifact.manifest.get(NOTED) or ()}
        known = [e for e in every if f"{e.kind} {e.name}" in named]
        for entry in changed_since(artifact, known):
            yield artifact.key, entry


def remove_changed(stages: Sequence[Stage], store: Store) -> None:
    """Remove the artifacts of stages that another source of their components made.

    Raises:
        ReidbenchError: if another process is using one.
    """
    entries = entries_of(stages)
    for stage in stages:
        artifact = store.find(stage.key)
        if artifact is not None and changed_since(artifact, entries):
            store.remove(stage.key)


def entries_of(stages: Iterable[Stage]) -> list[Entry]:
    """Return the components of stages, each once."""
    return list(dict.fromkeys(entry for stage in stages for entry in stage.entries))


def note_begun(draft: Path, sources: Sources, *, afresh: bool) -> Sources:
    """Note the sources that a computation begins with beside its checkpoints.

    Args:
        draft: folder of the unfinished artifact.
        sources: as they are now.
        afresh: whether checkpoints of other sources are thrown away.

    Returns:
        The sources behind the artifact: also those that its checkpoints were made by.
    """
    path, before = draft / RESUME / _BEGUN, dict[str, list[str]]()
    with contextlib.suppress(OSError, ValueError):
        before = json.loads(path.read_text())
    if afresh and before and before != sources:
        shutil.rmtree(draft / RESUME)
        before = {}
    found = {name: set(digests) for name, digests in sources.items()}
    _add(found, before)
    mixed = {name: sorted(digests) for name, digests in found.items()}
    path.parent.mkdir(exist_ok=True)
    write_json(path, mixed)
    return mixed


def forget_begun(draft: Path) -> None:
    """Remove the note of a computation that ended without a checkpoint."""
    folder = draft / RESUME
    if [path.name for path in folder.glob("*")] == [_BEGUN]:
        shutil.rmtree(folder)


def _add(found: dict[str, set[str]], noted: Mapping[str, Iterable[str]]) -> None:
    for name, digests in noted.items():
        found.setdefault(name, set()).update(digests)


def _label(entry: Entry) -> str:
    # With its version: what an earlier one made is not today's, and no longer asked for.
    return f"{entry.kind} {entry.name} {entry.load().version}"
