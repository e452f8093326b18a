from __future__ import annotations

import os
from pathlib import Path

import pytest

from reidbench.storage.artifacts import Store
from reidbench.storage.eviction import evict, used

KEYS = ("learn/a", "learn/b", "learn/c")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return three artifacts of 100 bytes, used in their order, and an unfinished one."""
    store = Store(tmp_path / "cache")
    for when, key in enumerate(KEYS, 1):
        made, _ = store.make(key, {}, lambda f: (f / "w").write_bytes(b"x" * 100) and {})
        os.utime(made.path, (when, when))
    with pytest.raises(KeyboardInterrupt):
        store.make("learn/d", {}, interrupted)
    return store


def interrupted(folder: Path) -> dict[str, str]:
    raise KeyboardInterrupt


def of_two(store: Store) -> int:
    """Return room for two of three; their manifests differ by some bytes."""
    return 2 * used(store) // 3 + 30


def kept(store: Store) -> list[str]:
    return [a.key for a in store.artifacts()]


def test_what_was_used_longest_ago_goes_first(store: Store) -> None:
    assert list(evict(store, used(store))) == []
    with store.using(["learn/a"]):
        pass
    assert list(evict(store, of_two(store))) == ["learn/b"]
    assert kept(store) == ["learn/a", "learn/c"]
    assert store.partial() == ["learn/d"]
    assert list(evict(store, 0)) == ["learn/c", "learn/a"]


def test_what_a_run_needs_or_a_process_reads_stays(store: Store) -> None:
    with store.using(["learn/a"]), store.held("learn/b"):
        assert store.in_use("learn/a")
        assert list(evict(store, 0)) == ["learn/c"]
    assert not store.in_use("learn/a")
    assert kept(store) == ["learn/a", "learn/b"]


def test_damaged_ones_go_first(store: Store) -> None:
    room = of_two(store)
    (store.root / "objects" / "learn" / "c" / "manifest.json").write_text('{"files": []}')
    assert list(evict(store, room)) == ["learn/c"]


def test_a_file_that_stays_in_another_artifact_frees_nothing(store: Store) -> None:
    objects = store.root / "objects" / "learn"
    for key in "ab":
        (objects / key / "big").write_bytes(b"y" * 10_000) if key == "a" else os.link(
            objects / "a" / "big", objects / "b" / "big"
        )
        os.utime(objects / key, (1, 1))
    manifests = used(store) - 10_300
    assert list(evict(store, 300 + manifests)) == ["learn/a", "learn/b"]


def test_a_sweep_by_several_processes_keeps_every_artifact(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.using_all():
        assert store.in_use("learn/a")
    assert not store.in_use("learn/a")
