"""Digests of components' source, to tell results that a changed source may not give again.

A digest decides nothing: a key holds a component's version and never its text. It shows that a
component was changed and its version was not raised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from reidbench.config.recipe import Component
from reidbench.stages import Stage
from reidbench.storage.artifacts import Store
from reidbench.storage.keys import JSON

SOURCES = "sources"
"""Name of the table in an artifact's manifest."""
_LENGTH = 16


@dataclass(frozen=True)
class Stale:
    """An artifact whose component has other source now, at the same version.

    Attributes:
        key: of the artifact.
        component: kind and name, e.g. ``"translator cyclegan"``.
        version: of both.
    """

    key: str
    component: str
    version: int


def sources_of(stage: Stage) -> dict[str, JSON]:
    """Return the components that a stage itself uses, with their version and source's digest."""
    return {
        f"{c.entry.kind} {c.name}": {
            "target": c.entry.target,
            "version": c.version,
            "source": source_of(c.entry.target),
        }
        for c in _components(stage)
    }


@cache
def source_of(target: str) -> str:
    """Return a digest of the source of ``"module:Class"``; empty where there is none.

    It is that of all modules of a plugin's package, or of the one module of the core.
    """
    module = target.partition(":")[0]
    own = module.startswith("reidbench.")
    try:
        spec = find_spec(module if own else module.partition(".")[0])
    except (ImportError, ValueError):
        return ""
    if spec is None or spec.origin is None:
        return ""
    origin = Path(spec.origin)
    package = spec.submodule_search_locations is not None and not own
    files = sorted(origin.parent.rglob("*.py")) if package else [origin]
    found = hashlib.sha256()
    for file in files:
        found.update(file.read_bytes())
    return found.hexdigest()[:_LENGTH]


def stale(store: Store) -> Iterator[Stale]:
    """Yield the artifacts in a store that today's source may not give again."""
    for artifact in store.artifacts():
        recorded = artifact.manifest.get(SOURCES)
        if isinstance(recorded, dict):
            for name, facts in recorded.items():
                if _changed(facts):
                    yield Stale(artifact.key, name, facts["version"])


def _changed(facts: Mapping[str, Any]) -> bool:
    """Return whether a component's source is another, and its version is not."""
    target, source = facts.get("target", ""), facts.get("source")
    now = source_of(target)
    if not (now and source) or now == source:
        return False
    return facts.get("version") == _version(target)


@cache
def _version(target: str) -> int | None:
    """Return the version of a class today; None if it cannot be imported."""
    module, _, name = target.partition(":")
    try:
        found = getattr(__import__(module, fromlist=[name]), name)
    except Exception:  # whatever is wrong with somebody's plugin, it is not what was recorded
        return None
    version: int | None = getattr(found, "version", None)
    return version


def _components(stage: Stage) -> Iterator[Component]:
    for value in vars(stage).values():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Component):
                yield each
