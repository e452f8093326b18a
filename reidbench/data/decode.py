"""Decode a split once into memory-mapped arrays, in parallel and in bounded memory."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from PIL import Image

from reidbench.data.dataset import Dataset, Split
from reidbench.errors import ComponentError, ReidbenchError, is_out_of_memory, shown
from reidbench.progress import Progress, silent
from reidbench.registry.faults import fault
from reidbench.storage.files import mapped_array, write_array

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]

IMAGE = "an image [H, W, 3] of uint8"
CHUNK = 64  # images a task: small enough for a moving bar, large enough to hide the overhead


def decode(
    dataset: Dataset,
    split: Split,
    size: tuple[int, int],
    folder: Path,
    progress: Progress = silent,
    workers: int | None = None,
    interpolation: Interpolation = "bicubic",
) -> None:
    """Write ``pixels.npy``, ``pids.npy``, ``cams.npy`` and, if there are any, ``masks.npy``.

    Args:
        dataset: sent to the workers by pickle, so it must be small.
        split: name of the split.
        size: height and width to resize to.
        folder: folder to write to; it must exist.
        progress: callback for images done and in all.
        workers: number of processes; the number of usable cores by default.
        interpolation: filter that resizes images, with antialiasing; masks always bilinear.

    Raises:
        ReidbenchError: naming the first image that cannot be decoded.
    """
    samples = dataset.samples(split)
    write_array(folder / "pids.npy", samples.pids)
    write_array(folder / "cams.npy", samples.cams)
    mapped_array(folder / "pixels.npy", (len(samples), *size, 3))
    if dataset.has_masks:
        mapped_array(folder / "masks.npy", (len(samples), *size))
    work = _Decoding(dataset, split, size, folder, interpolation)
    tasks = [range(i, min(i + CHUNK, len(samples))) for i in range(0, len(samples), CHUNK)]
    usable = workers or len(os.sched_getaffinity(0))
    done = 0
    for rows in _run(work, tasks, min(usable, len(tasks))):
        done += rows
        progress(done, len(samples), {})


def decode_few(
    dataset: Dataset, split: Split, size: tuple[int, int], interpolation: Interpolation = "bicubic"
) -> NDArray[np.uint8]:
    """Return the images of a split, ``[N, H, W, 3]``, decoded in this process and kept nowhere."""
    filter_ = Image.Resampling[interpolation.upper()]
    rows = range(len(dataset.samples(split)))
    return np.stack([_resize(dataset.read(split, row), size, filter_) for row in rows])


@dataclass(frozen=True)
class _Decoding:
    """A split to decode and the arrays to fill; it travels to the workers."""

    dataset: Dataset
    split: Split
    size: tuple[int, int]
    folder: Path
    interpolation: Interpolation

    def rows(self, rows: range) -> int:
        """Decode some rows and return their number."""
        pixels = open_memmap(self.folder / "pixels.npy", mode="r+")
        masks = None
        if self.dataset.has_masks:
            masks = open_memmap(self.folder / "masks.npy", mode="r+")
        filter_ = Image.Resampling[self.interpolation.upper()]
        for row in rows:
            with self._naming(row):
                image = self.dataset.read(self.split, row)
                _check_image(self.dataset, image)
                pixels[row] = _resize(image, self.size, filter_)
                if masks is not None:
                    mask = self.dataset.read_mask(self.split, row)
                    masks[row] = _resize(mask, self.size, Image.Resampling.BILINEAR)
        return len(rows)

    @contextmanager
    def _naming(self, row: int) -> Iterator[None]:
        """Name the image that cannot be read, where the dataset does not, and what would do."""
        try:
            yield
        except ComponentError:
            raise
        except (ReidbenchError, OSError) as error:
            problem = str(error)
            if isinstance(error, OSError):
                name = self.dataset.samples(self.split).names[row]
                problem = f"cannot read the image '{shown(name)}': {error}"
            hint = "" if self.dataset.synthetic else "; --skip-corrupt leaves such images out"
            raise ReidbenchError(problem + hint) from error
        except Exception as error:
            if is_out_of_memory(error):
                raise
            name = shown(self.dataset.samples(self.split).names[row])
            got = f"raised {type(error).__name__}: {error} at the image '{name}'"
            raise fault(self.dataset, "read", got, IMAGE) from error


def _check_image(dataset: Dataset, image: object) -> None:
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.shape[2:] == (3,):
        return
    told = f"{image.dtype} {list(image.shape)}" if isinstance(image, np.ndarray) else repr(image)
    raise fault(dataset, "read", f"returned {told[:80]}", IMAGE)


def _run(work: _Decoding, tasks: list[range], workers: int) -> Iterator[int]:
    if workers <= 1:
        yield from map(work.rows, tasks)
        return
    with _pool(workers) as pool:
        for future in as_completed([pool.submit(work.rows, rows) for rows in tasks]):
            yield future.result()


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Open a pool whose waiting tasks are dropped when the first one fails."""
    # Forking a process that runs torch's threads can hang, so workers start afresh.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, initializer=_become_worker)
    try:
        yield pool
    except BrokenProcessPool as error:
        raise ReidbenchError(
            "a process that decodes images was killed, perhaps for want of memory; run again"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _become_worker() -> None:
    """Leave Ctrl-C to the parent, and end when it is killed instead of waiting for tasks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _resize(
    image: NDArray[np.uint8], size: tuple[int, int], filter_: Image.Resampling
) -> NDArray[np.uint8]:
    if image.shape[:2] == size:
        return image
    height, width = size
    return np.asarray(Image.fromarray(image).resize((width, height), filter_))
