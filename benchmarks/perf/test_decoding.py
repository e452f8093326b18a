"""Epochs over a dataset of JPEG files: decoded once, against decoded anew for each epoch.

The peers' loaders open, decode and resize an image each time it is asked for, in worker processes
of PyTorch's DataLoader. REIDBENCH_PERF_IMAGES is the number of images that are generated;
REIDBENCH_PERF_MARKET1501 names a copy of Market-1501 whose training images take their place.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from reidbench.data.arrays import ImageArray, shuffled_rows
from reidbench.data.dataset import Dataset
from reidbench.data.decode import decode
from reidbench.data.readers.market1501 import Market1501
from reidbench.data.readers.own_folder import OwnFolder

SIZE, BATCH, WORKERS = (256, 128), 32, 2
NATIVE = (128, 64)  # Market-1501's
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    if root := os.environ.get("REIDBENCH_PERF_MARKET1501"):
        return Market1501(root=root)
    home, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for number in range(int(os.environ.get("REIDBENCH_PERF_IMAGES", "2048"))):
        coarse = Image.fromarray(rng.integers(0, 256, (16, 8, 3), np.uint8))
        image = coarse.resize(NATIVE[::-1], Image.Resampling.BICUBIC)
        for split in ("train", "query", "gallery") if number == 0 else ("train",):
            path = home / split / f"{number // 16 + 1}" / f"{number % 6}_{number:06d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path, quality=90)
    return OwnFolder(root=str(home))


class Anew(torch.utils.data.Dataset[torch.Tensor]):
    """Opens, decodes and resizes an image at each access, as torchreid and fast-reid do."""

    def __init__(self, dataset: OwnFolder | Market1501) -> None:
        self.paths = [dataset.home / name for name in dataset.samples("train").names]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        with Image.open(self.paths[index]) as image:
            small = image.convert("RGB").resize(SIZE[::-1], Image.Resampling.BICUBIC)
        return torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 127.5 - 1


def anew(dataset: Dataset) -> Iterator[torch.Tensor]:
    loader = DataLoader(Anew(dataset), BATCH, shuffle=True, num_workers=WORKERS)
    yield from loader


def mapped(folder: Path) -> Iterator[torch.Tensor]:
    array = ImageArray.open(folder)
    for step in range(-(-len(array) // BATCH)):
        rows = shuffled_rows(len(array), BATCH, step, 0, "perf")
        yield array.images(rows, CPU).pixels


class Anonymous:
    """The most memory that this process and its children had beyond what a file can give back."""

    def __enter__(self) -> Anonymous:
        self.start, self.peak, self._going = self._now(), 0, True
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._going = False
        self._thread.join()

    @property
    def mebibytes(self) -> int:
        return (self.peak - self.start) // 1024

    def _watch(self) -> None:
        while self._going:
            self.peak = max(self.peak, self._now())
            time.sleep(0.02)

    def _now(self) -> int:
        tasks = Path("/proc/self/task").iterdir()
        children = [pid for task in tasks for pid in _text(task / "children").split()]
        return sum(_anonymous(pid) for pid in ("self", *children))


def _anonymous(pid: str) -> int:
    lines = _text(Path("/proc", pid, "status")).splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has ended
        return ""


def measured(epoch: Callable[[], object]) -> tuple[float, int]:
    with Anonymous() as memory:
        start = time.perf_counter()
        epoch()
        seconds = time.perf_counter() - start
    return seconds, memory.mebibytes


def test_epochs(benchmark, dataset, tmp_path):
    images, folder = len(dataset.samples("train")), tmp_path / "decoded"
    folder.mkdir()

    def consume(batches: Iterator[torch.Tensor]) -> None:
        seen = sum(len(batch) for batch in batches)
        assert images <= seen < images + BATCH

    def first() -> None:
        decode(dataset, "train", SIZE, folder, workers=WORKERS)
        consume(mapped(folder))

    theirs, their_memory = measured(lambda: consume(anew(dataset)))
    ours, our_memory = measured(first)
    second, second_memory = measured(lambda: consume(mapped(folder)))
    benchmark.pedantic(lambda: consume(mapped(folder)), rounds=3)
    expected = next(iter(DataLoader(Anew(dataset), 4)))
    torch.testing.assert_close(ImageArray.open(folder).images(np.arange(4), CPU).pixels, expected)
    benchmark.extra_info |= {
        "images": images,
        "images/s decoded anew": round(images / theirs),
        "images/s in the first epoch": round(images / ours),
        "images/s in the second epoch": round(images / second),
        "times as fast in the first epoch": round(theirs / ours, 2),
        "times as fast in the second epoch": round(theirs / second, 2),
        "MiB of memory, decoded anew": their_memory,
        "MiB of memory in the first epoch": our_memory,
        "MiB of memory in the second epoch": second_memory,
    }
