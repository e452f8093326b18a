"""Artifacts that are sent arrive whole or not at all."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reidbench.errors import ReidbenchError
from reidbench.storage.artifacts import Store
from reidbench.storage.packed import Packed, keep, pack, seal_of

KEY = "learn/0123"


@pytest.fixture
def sent(tmp_path) -> Packed:
    def compute(folder: Path) -> dict[str, int]:
        (folder / "deep").mkdir()
        (folder / "deep" / "weights").write_bytes(b"weights")
        (folder / "empty").touch()
        return {"rows": 3}

    artifact, _ = Store(tmp_path / "here").make(KEY, {"title": "learn"}, compute)
    assert seal_of(artifact) == pack(artifact).seal
    return pickle.loads(pickle.dumps(pack(artifact)))


def test_an_artifact_arrives_as_it_was_sent(sent, tmp_path):
    store = Store(tmp_path / "there", verify="always")
    kept = keep(sent, store)
    assert kept.manifest == Store(tmp_path / "here").find(KEY).manifest
    assert (kept.path / "deep" / "weights").read_bytes() == b"weights"
    assert (store.partial(), store.broken()) == ([], [])
    assert seal_of(kept) == sent.seal


def test_what_is_there_is_replaced(sent, tmp_path):
    store = Store(tmp_path / "there")
    store.make(KEY, {}, lambda folder: ((folder / "old").write_bytes(b"old") and {}) or {})
    kept = keep(sent, store)
    assert sorted(p.name for p in kept.path.iterdir()) == ["deep", "empty", "manifest.json"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda p: {"files": {**p.files, "empty": np.ones(1, np.uint8)}}, "damaged on its way"),
        (lambda p: {"files": {"empty": p.files["empty"]}}, "manifest of another artifact"),
        (lambda p: {"key": "learn/4567"}, "manifest of another artifact"),
        (lambda p: {"manifest": p.manifest.replace(b"rows", b"cols")}, "damaged manifest"),
        (lambda p: {"manifest": b"{"}, "damaged manifest"),
        (lambda p: {"files": {**p.files, "../out": p.files["empty"]}}, "leaves its folder"),
        (lambda p: {"files": {**p.files, "/tmp/out": p.files["empty"]}}, "leaves its folder"),
    ],
)
def test_nothing_of_what_was_damaged_on_its_way_is_published(sent, tmp_path, damage, words):
    store = Store(tmp_path / "there")
    store.prepare()
    changed = replace(sent, **damage(sent))
    with pytest.raises(ReidbenchError, match=words):
        keep(changed, store)
    assert store.find(changed.key) is None
    assert list(store.artifacts()) == []
    assert not (tmp_path / "there" / "partial" / "out").exists()
