"""Removing the artifacts that were used longest ago, until the others have room."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator

from reidbench.errors import ReidbenchError
from reidbench.storage.artifacts import Store

Place = tuple[int, int]
"""A file on a disk, which several artifacts may share."""


def used(store: Store) -> int:
    """Return the bytes of all artifacts that are not unfinished, shared files once."""
    return sum(dict(place for key in store.all_keys() for place in store.places(key)).values())


def repeated_bytes(store: Store, keys: Iterable[str]) -> int:
    """Return the bytes that sizes of artifacts count twice: those of shared files."""
    found = [place for key in set(keys) for place in store.places(key)]
    return sum(size for _, size in found) - sum(dict(found).values())


def evict(store: Store, most: int) -> Iterator[str]:
    """Remove finished artifacts until they have ``most`` bytes at most; yield the key of each.

    Damaged ones go first, then those that were used longest ago. What a run will still read or a
    process is reading stays, and so do unfinished ones, which the next run resumes.
    """
    sizes: dict[Place, int] = {}
    files: dict[str, list[Place]] = {}
    for key in _by_last_use(store):
        found = dict(store.places(key))
        sizes |= found
        files[key] = list(found)
    shared = Counter(place for places in files.values() for place in places)
    total = sum(sizes.values())
    for key, places in files.items():
        if total <= most:
            return
        if store.in_use(key):
            continue
        try:
            store.remove(key)
        except ReidbenchError:  # a process is reading it
            continue
        shared.subtract(places)
        total -= sum(sizes[place] for place in places if not shared[place])
        yield key


def _by_last_use(store: Store) -> list[str]:
    """Return the keys of damaged artifacts, and of those that were used longest ago first."""
    when = {}
    for key, artifact in store.entries():
        with contextlib.suppress(FileNotFoundError):  # another process removed it
            when[key] = 0 if artifact is None else artifact.path.stat().st_mtime_ns
    return sorted(when, key=when.__getitem__)
