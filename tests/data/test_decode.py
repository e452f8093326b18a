from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reidbench.data.arrays import ImageArray
from reidbench.data.catalog import OpenDataset
from reidbench.data.decode import Interpolation, decode
from reidbench.engine.hardware import Hardware
from reidbench.errors import ReidbenchError
from reidbench.progress import silent
from reidbench.stages import Decode, Work
from tests.noise_dataset import NATIVE, Maskless, Noise

ROOT = Path(__file__).parents[2]


class Recorded:
    """Keeps what a progress bar would show."""

    def __init__(self) -> None:
        self.done: list[int] = []

    def __call__(self, done: int, total: int, log: Mapping[str, float]) -> None:
        assert (total, log) == (160, {})
        self.done.append(done)


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def decoded(dataset: Noise, folder: Path, size: tuple[int, int] = NATIVE) -> ImageArray:
    decode(dataset, "train", size, folder, workers=1)
    return ImageArray.open(folder)


def test_images_labels_and_masks_are_those_of_the_dataset(tmp_path: Path) -> None:
    dataset = Noise(9)
    array = decoded(dataset, tmp_path)
    samples = dataset.samples("train")
    np.testing.assert_array_equal(array.pids, samples.pids)
    np.testing.assert_array_equal(array.cams, samples.cams)
    for row in range(len(samples)):
        np.testing.assert_array_equal(array.pixels[row], dataset.read("train", row))
        assert array.masks is not None
        np.testing.assert_array_equal(array.masks[row], dataset.read_mask("train", row))


def test_images_are_resized_bicubic_and_masks_bilinear(tmp_path: Path) -> None:
    dataset = Noise(1)
    array = decoded(dataset, tmp_path, (20, 9))
    image, mask = dataset.read("train", 0), dataset.read_mask("train", 0)
    bicubic = Image.fromarray(image).resize((9, 20), Image.Resampling.BICUBIC)
    bilinear = Image.fromarray(mask).resize((9, 20), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(array.pixels[0], np.asarray(bicubic))
    assert array.masks is not None
    np.testing.assert_array_equal(array.masks[0], np.asarray(bilinear))


@pytest.mark.parametrize("name", ["nearest", "bilinear", "lanczos"])
def test_another_interpolation_is_for_images_only(tmp_path: Path, name: Interpolation) -> None:
    dataset = Noise(1)
    decode(dataset, "train", (30, 15), tmp_path, interpolation=name)
    array = ImageArray.open(tmp_path)
    image = Image.fromarray(dataset.read("train", 0))
    expected = image.resize((15, 30), Image.Resampling[name.upper()])
    np.testing.assert_array_equal(array.pixels[0], np.asarray(expected))
    mask = Image.fromarray(dataset.read_mask("train", 0)).resize(
        (15, 30), Image.Resampling.BILINEAR
    )
    assert array.masks is not None
    np.testing.assert_array_equal(array.masks[0], np.asarray(mask))


def test_the_key_names_an_interpolation_that_is_not_the_first() -> None:
    data = OpenDataset("noise", {}, Noise(3), "noise")
    plain, named, other = (
        Decode(data, "train", (8, 4), *how) for how in ((), ("bicubic",), ("bilinear",))
    )
    assert plain.values() == {
        "dataset": {"name": "noise", "version": 1, "fingerprint": "noise"},
        "split": "train",
        "size": [8, 4],
    }
    assert plain.key == named.key == "decode/e46c3498400fe17e82d62eab37572699"
    assert other.values() == {**plain.values(), "interpolation": "bilinear"}


def test_images_for_multi_query_have_the_key_of_their_own_files() -> None:
    class Boxed(Noise):
        def multi_query_fingerprint(self) -> str:
            return "of further images"

    data = OpenDataset("noise", {}, Boxed(3), "noise")
    further = Decode(data, "multi_query", (8, 4))
    assert further.values()["dataset"]["fingerprint"] == "of further images"
    assert further.values()["split"] == "boxes"  # the name that keys have always had
    assert further.key == "decode/910da18bee5da21720ea70ecef339437"
    assert Decode(data, "query", (8, 4)).values()["dataset"]["fingerprint"] == "noise"


def test_a_stage_decodes_as_it_is_named(tmp_path: Path) -> None:
    dataset = Noise(2)
    stage = Decode(OpenDataset("noise", {}, dataset, "noise"), "query", (30, 15), "bilinear")
    work = Work(tmp_path, {}, Hardware(torch.device("cpu")), silent, 60)
    assert stage.compute(work) == {"images": 2}
    bilinear = Image.fromarray(dataset.read("query", 1)).resize((15, 30), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(stage.open(tmp_path).pixels[1], np.asarray(bilinear))


def test_a_dataset_without_masks_leaves_none(tmp_path: Path) -> None:
    assert decoded(Maskless(1), tmp_path).masks is None


def test_any_number_of_processes_writes_the_same_bytes(tmp_path: Path) -> None:
    dataset, shown = Noise(160), {}  # three tasks
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        progress = Recorded()
        decode(dataset, "train", (16, 8), folder, progress, workers)
        shown[workers] = progress.done
    assert files(tmp_path / "1") == files(tmp_path / "2")
    assert shown[1] == [64, 128, 160]
    assert sorted(shown[2]) == shown[2]
    assert shown[2][-1] == 160


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_image_is_named(tmp_path: Path, workers: int) -> None:
    with pytest.raises(ReidbenchError, match=r"train/70\.png"):
        decode(Noise(80, "broken", 70), "train", (16, 8), tmp_path, workers=workers)


def test_a_dataset_that_names_the_image_itself_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(
        ReidbenchError, match=r"^7\.png ends early; copy it again; --skip-corrupt leaves"
    ):
        decoded(Noise(9, "explained", 7), tmp_path)


def test_a_killed_worker_is_an_error_not_a_hang(tmp_path: Path) -> None:
    with pytest.raises(ReidbenchError, match="was killed"):
        decode(Noise(80, "killed", 70), "train", (16, 8), tmp_path, workers=2)


ORPHANS = """
import multiprocessing, os, signal, sys
from pathlib import Path
from reidbench.data.decode import decode
from tests.noise_dataset import Noise

def die(done, total, log):
    pids = [str(p.pid) for p in multiprocessing.active_children()]
    print(*pids, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    decode(Noise(240), "train", (16, 8), Path(sys.argv[1]), die, 2)
"""


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    program, pids = tmp_path / "program.py", tmp_path / "pids"
    program.write_text(ORPHANS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # A pipe would stay open for as long as workers live.
    with pids.open("w") as out:
        command = [sys.executable, str(program), str(tmp_path)]
        done = subprocess.run(command, env=environment, stdout=out, stderr=subprocess.DEVNULL)
    assert done.returncode == -signal.SIGKILL
    workers = [int(pid) for pid in pids.read_text().split()]
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while (alive := [pid for pid in workers if _runs(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    assert not alive, "workers outlive their parent"


def _runs(pid: int) -> bool:
    # A dead process that nobody has waited for is a zombie, "Z".
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
