"""The store of decoded images between processes, and when one is killed while it decodes files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reidbench.data.arrays import ImageArray
from reidbench.data.readers.own_folder import OwnFolder
from reidbench.storage.artifacts import Artifact, Store

ROOT = Path(__file__).parents[2]
IMAGES = 150  # three tasks
SIZE = (32, 16)
KEY = "decode/abc"

# Decodes the folder argv[2] into the store argv[1] as a run does, with argv[3] workers; argv[4] is
# after how many images it is to be killed, argv[5] what it waits for before it begins.
PROGRAM = """
import json, os, signal, sys, time
from pathlib import Path
from reidbench.data.decode import decode
from reidbench.data.readers.own_folder import OwnFolder
from reidbench.storage.artifacts import Store

def told(done, total, log):
    if done >= int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

def compute(folder):
    print("computing", flush=True)
    decode(OwnFolder(root=sys.argv[2]), "train", (32, 16), folder, told, int(sys.argv[3]))
    return {}

if __name__ == "__main__":
    while not Path(sys.argv[5]).exists():
        time.sleep(0.001)
    artifact, reused = Store(Path(sys.argv[1])).make("decode/abc", {}, compute)
    print(json.dumps(reused), flush=True)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of PNG and JPEG files in different sizes."""
    home, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for number in range(IMAGES):
        shape = (int(rng.integers(20, 60)), int(rng.integers(10, 30)), 3)
        suffix, kind = (("png", "PNG"), ("jpg", "JPEG"))[number % 2]
        for split in ("train", "query", "gallery") if number == 0 else ("train",):
            path = home / split / str(number // 4 + 1) / f"{number % 3}_{number:04d}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(path, kind)
    return home


class Program:
    """Starts processes that decode the folder into one store."""

    def __init__(self, tmp_path: Path, folder: Path) -> None:
        self.store, self.folder, self.gate = Store(tmp_path / "cache"), folder, tmp_path / "gate"
        self.file = tmp_path / "program.py"
        self.file.write_text(PROGRAM)

    def start(self, workers: int, last: int = IMAGES + 1) -> subprocess.Popen[str]:
        arguments = [self.store.root, self.folder, workers, last, self.gate]
        return subprocess.Popen(
            [sys.executable, str(self.file), *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, workers: int, last: int = IMAGES + 1) -> tuple[int, list[str]]:
        self.gate.touch()
        process = self.start(workers, last)
        said, _ = process.communicate(timeout=120)
        return process.returncode, said.split()


@pytest.fixture
def program(tmp_path: Path, folder: Path) -> Program:
    return Program(tmp_path, folder)


def whole(artifact: Artifact | None, folder: Path) -> bool:
    """Check every pixel and label of an artifact against the files."""
    assert artifact is not None
    array, dataset = ImageArray.open(artifact.path), OwnFolder(root=str(folder))
    samples = dataset.samples("train")
    assert len(array) == len(samples) == IMAGES
    np.testing.assert_array_equal(array.pids, samples.pids)
    np.testing.assert_array_equal(array.cams, samples.cams)
    for row in range(IMAGES):
        image = Image.fromarray(dataset.read("train", row))
        expected = image.resize(SIZE[::-1], Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(array.pixels[row], np.asarray(expected))
    return True


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_process_leaves_nothing_half_done(program: Program, workers: int) -> None:
    code, said = program.run(workers, last=64)
    assert (code, said) == (-signal.SIGKILL, ["computing"])
    assert program.store.find(KEY) is None
    assert list(program.store.artifacts()) == []
    assert program.store.partial() == [KEY]
    # The half-written arrays are as large as whole ones: only their place tells them apart.
    (half,) = program.store.root.glob("partial/*/*/pixels.npy")
    assert len(np.load(half, mmap_mode="r")) == IMAGES
    assert program.run(workers) == (0, ["computing", "false"])
    assert whole(program.store.find(KEY), program.folder)
    assert program.run(workers) == (0, ["true"])


def test_two_processes_at_once_decode_once(program: Program) -> None:
    both = [program.start(workers=2), program.start(workers=1)]
    program.gate.touch()
    seen = []
    while any(process.poll() is None for process in both):
        seen.append(program.store.find(KEY))
        time.sleep(0.005)
    said = sorted(process.communicate()[0].split() for process in both)
    assert said == [["computing", "false"], ["true"]]
    # Whoever looked meanwhile saw nothing, or what is there in the end.
    end = program.store.find(KEY)
    assert whole(end, program.folder)
    assert [artifact for artifact in seen if artifact not in (None, end)] == []


def test_a_process_goes_on_when_the_one_before_it_is_killed(program: Program) -> None:
    first, second = program.start(1, last=64), program.start(1)
    program.gate.touch()
    said = [process.communicate(timeout=120)[0].split() for process in (first, second)]
    # Whichever came first, what is there in the end is whole.
    assert said[1] in (["computing", "false"], ["true"])
    assert first.returncode in (-signal.SIGKILL, 0)
    assert whole(program.store.find(KEY), program.folder)


def test_what_was_written_to_afterwards_is_decoded_anew(program: Program) -> None:
    program.run(1)
    artifact = program.store.find(KEY)
    assert artifact is not None
    pixels = np.load(artifact.path / "pixels.npy", mmap_mode="r+")
    pixels[3, 0, 0] ^= 1
    pixels.flush()
    del pixels
    assert program.store.find(KEY) is None
    assert program.run(1) == (0, ["computing", "false"])
    assert whole(program.store.find(KEY), program.folder)
