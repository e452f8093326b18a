"""Sweeps that run side by side and share the work."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from reidbench.runs.bars import Bars
from reidbench.storage.artifacts import Store
from tests.acceptance.conftest import Place, make_place
from tests.acceptance.ground import computed, timeless
from tests.acceptance.started import start

SWEEP = ("sweep", "--method", "direct", "--method", "cyclegan", "--seeds", "0-1", "--json")


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> tuple[Place, list[dict]]:
    """Where one process did it all, and its results."""
    place = make_place(tmp_path_factory.mktemp("alone"))
    return place, results(place(*SWEEP))


def results(swept) -> list[dict]:
    assert swept.exit_code == 0, swept.stderr
    return [timeless(record) for record in json.loads(swept.stdout)]


def test_what_another_process_is_at_comes_last(place, alone, monkeypatch):
    where, expected = alone
    (first,) = computed_with_seed(where.cache, "learn", 0, "learn ide on real images")
    (place.cache / "locks").mkdir(parents=True)
    said = []
    with (place.cache / "locks" / f"learn-{first}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        def wait(store: Store, key: str) -> None:
            assert key == f"learn/{first}"
            fcntl.flock(file, fcntl.LOCK_UN)  # as the other process is killed

        def say(bars: Bars, line: str) -> None:
            assert line not in said or not line.startswith("waiting"), "it does not wait"
            said.append(line)

        monkeypatch.setattr(Store, "wait", wait)
        monkeypatch.setattr(Bars, "say", say)
        found = results(place(*SWEEP))
        assert found == expected
        waited = said.index("waiting, another process is computing it: learn ide on real images")
    times = [i for i, line in enumerate(said) if line.startswith("learn ide on real images: done")]
    assert len(times) == 2
    assert times[0] < waited < times[1]
    # What does not hang on it is done meanwhile, of both seeds.
    assert sum(line.startswith("train cyclegan: done") for line in said[:waited]) == 2


def computed_with_seed(cache: Path, kind: str, seed: int, title: str) -> list[str]:
    manifests = (json.loads(f.read_text()) for f in cache.glob(f"objects/{kind}/*/manifest.json"))
    mine = (m for m in manifests if m["values"]["seed"] == seed and m["title"] == title)
    return [m["key"].partition("/")[2] for m in mine]


def test_two_processes_share_a_cache_and_both_end_with_all(place, alone, tmp_path):
    where, expected = alone
    folders = [tmp_path / "first", tmp_path / "second"]
    sweeps = [start(folder, *SWEEP, *place.options()) for folder in folders]
    for sweep in sweeps:
        sweep.join(timeout=120)
    told = [(folder / "stderr").read_text() for folder in folders]
    assert [sweep.exitcode for sweep in sweeps] == [0, 0], told
    for folder in folders:
        records = json.loads((folder / "stdout").read_text())
        names = [(r["recipe"]["name"], r["seed"]) for r in records]
        assert names == [(r["recipe"]["name"], r["seed"]) for r in expected]
    for kind in ("translator", "learn", "evaluate"):
        assert computed(place.cache, kind) == computed(where.cache, kind)
