"""The store between processes, and when one of them is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reidbench.errors import ReidbenchError
from reidbench.storage.artifacts import Store
from reidbench.storage.keys import JSON

ROOT = Path(__file__).parents[2]
KEY = "learn/abc"

# Makes KEY in the store of argv[1]; argv[2] is what happens on the way.
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from reidbench.storage.artifacts import RESUME, Store

root, manner = Path(sys.argv[1]), sys.argv[2]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def compute(folder):
    print("computing", flush=True)
    (folder / "model").write_text("weights")
    (folder / RESUME).mkdir(exist_ok=True)
    (folder / RESUME / "state").write_text("5")
    if manner == "slow":
        sys.stdin.readline()
    if manner == "killed":
        die()
    return {}

if manner == "killed before the manifest":
    import reidbench.storage.artifacts
    reidbench.storage.artifacts.write_json = die
if manner == "killed before the rename":
    Path.rename = die
if manner == "killed while the manifest is written":
    Path.replace = die

blocked = lambda: print("blocked", flush=True)
_, reused = Store(root).make("learn/abc", {}, compute, blocked)
print("reused" if reused else "made", flush=True)
"""


def start(root: Path, manner: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, root, manner],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def never(folder: Path) -> JSON:
    raise AssertionError("computed again")


def test_processes_that_want_the_same_compute_it_once(tmp_path: Path) -> None:
    first = start(tmp_path, "slow")
    assert first.stdout is not None
    assert first.stdout.readline() == "computing\n"
    others = [start(tmp_path, "normal") for _ in range(2)]
    waiting = threading.Thread(target=Store(tmp_path).wait, args=(KEY,))
    waiting.start()
    with pytest.raises(ReidbenchError, match="in use by another process"):
        Store(tmp_path).remove(KEY)
    assert [other.stdout.readline() for other in others if other.stdout] == ["blocked\n"] * 2
    assert all(other.poll() is None for other in others)
    assert waiting.is_alive()
    assert first.communicate("\n")[0] == "made\n"
    assert [other.communicate()[0] for other in others] == ["reused\n"] * 2
    waiting.join(timeout=10)
    assert not waiting.is_alive()


@pytest.mark.parametrize(
    "manner",
    [
        "killed",
        "killed before the manifest",
        "killed while the manifest is written",
        "killed before the rename",
    ],
)
def test_a_killed_process_leaves_nothing_visible_and_no_lock(tmp_path: Path, manner: str) -> None:
    killed = start(tmp_path, manner)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    store = Store(tmp_path)
    assert store.find(KEY) is None
    assert list(store.artifacts()) == []
    assert store.broken() == []
    assert store.partial() == [KEY]

    def compute(folder: Path) -> JSON:
        assert [p.name for p in folder.iterdir()] in (["resume"], [])
        (folder / "model").write_text("weights")
        return {}

    made, _ = store.make(KEY, {}, compute)
    assert set(made.manifest["files"]) == {"model"}
    assert sorted(p.name for p in made.path.iterdir()) == ["manifest.json", "model"]
    assert store.make(KEY, {}, never)[1]


def test_a_process_that_takes_over_resumes(tmp_path: Path) -> None:
    start(tmp_path, "killed").communicate()

    def compute(folder: Path) -> JSON:
        return {"resumed": (folder / "resume" / "state").read_text()}

    assert Store(tmp_path).make(KEY, {}, compute)[0].manifest["resumed"] == "5"
