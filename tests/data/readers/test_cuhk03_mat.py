"""CUHK03 read from cuhk-03.mat as it is downloaded."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from reidbench.data.catalog import OpenDataset, refuse_shared_persons
from reidbench.data.dataset import SPLITS
from reidbench.data.decode import decode_few
from reidbench.data.readers import cuhk03_mat
from reidbench.data.readers.cuhk03 import Cuhk03, person
from reidbench.data.readers.cuhk03_mat import Cuhk03Mat
from reidbench.errors import ReidbenchError, UsageError
from tests.data.trees import cuhk03_config

h5py = pytest.importorskip("h5py")

# Pair of cameras, person of the pair, shot: the images that there are.
SHOTS = [(1, 1, 1), (1, 1, 6), (1, 3, 1), (1, 3, 2), (1, 3, 6), (1, 3, 7), (2, 1, 1), (5, 2, 10)]
NAMES = [f"{pair}_{n:03d}_{1 + (shot > 5)}_{shot:02d}.png" for pair, n, shot in SHOTS]
CONFIG = {
    "train": [NAMES[i] for i in (0, 1, 6, 7)],
    "query": [NAMES[i] for i in (2, 4)],
    "gallery": [NAMES[i] for i in (3, 5)],
}
SETS = [[(1, 3), (2, 1)], *[[(1, 1)]] * 18, [(1, 1), (5, 2)]]


def picture(number):
    """Return an image of its own size, all of whose values differ."""
    shape = (7 + number, 5, 3)
    return (np.arange(np.prod(shape)).reshape(shape) + 11 * number).astype(np.uint8)


def write_mat(path: Path) -> Path:
    """Write cuhk-03.mat as MATLAB 7.3 does: cells are references, and axes are swapped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        empty = file.create_dataset("#refs#/empty", data=np.zeros(2, np.uint64))
        images = {
            shot: file.create_dataset(f"#refs#/i{n}", data=picture(n).transpose(2, 1, 0))
            for n, shot in enumerate(SHOTS)
        }
        for kind in ("labeled", "detected"):
            cells = file.create_dataset(kind, (1, 5), h5py.ref_dtype)
            for pair in range(1, 6):
                cell = file.create_dataset(f"#refs#/{kind}{pair}", (10, 3), h5py.ref_dtype)
                for shot, n in np.ndindex(10, 3):
                    cell[shot, n] = images.get((pair, n + 1, shot + 1), empty).ref
                cells[0, pair - 1] = cell.ref
        sets = file.create_dataset("testsets", (1, len(SETS)), h5py.ref_dtype)
        for number, persons in enumerate(SETS):
            sets[0, number] = file.create_dataset(
                f"#refs#/s{number}", data=np.array(persons, float).T
            ).ref
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "cuhk03_release"
    write_mat(home / "cuhk-03.mat")
    for kind in ("labeled", "detected"):
        cuhk03_config(tmp_path / f"cuhk03_new_protocol_config_{kind}.mat", CONFIG)
    return tmp_path


@pytest.mark.parametrize("kind", ["labeled", "detected"])
def test_the_new_protocol_is_read_from_the_file_itself(home: Path, kind: str) -> None:
    data = Cuhk03Mat(root=str(home), kind=kind)
    assert data.protocol == "market1501"
    for split in SPLITS:
        samples = data.samples(split)
        assert samples.names == sorted(CONFIG[split])
        places = [SHOTS[NAMES.index(name)] for name in samples.names]
        assert samples.pids.tolist() == [person(pair, n) for pair, n, _ in places]
        assert samples.cams.tolist() == [int(shot > 5) for *_, shot in places]
        for index, name in enumerate(samples.names):
            assert np.array_equal(data.read(split, index), picture(NAMES.index(name)))


def test_the_classic_protocol_needs_nothing_else(home: Path) -> None:
    data = Cuhk03Mat(root=str(home / "cuhk03_release"), protocol="classic")
    assert data.protocol == "single-gallery-shot"
    assert data.samples("query").names == data.samples("gallery").names == NAMES[2:7]
    assert data.samples("train").names == [*NAMES[:2], NAMES[7]]
    last = Cuhk03Mat(root=str(home), protocol="classic", split=19)
    assert set(last.samples("query").pids.tolist()) == {1, person(5, 2)}
    assert data.fingerprint() != last.fingerprint()


def test_it_travels_to_workers_and_is_checked(home: Path) -> None:
    data = Cuhk03Mat(root=str(home))
    again = pickle.loads(pickle.dumps(data))
    assert np.array_equal(again.read("query", 1), data.read("query", 1))
    assert again.fingerprint() == data.fingerprint()
    assert decode_few(data, "query", (8, 4)).shape == (2, 8, 4, 3)
    assert all(problem.endswith("published") for problem in data.check())


def test_its_persons_are_those_of_the_extracted_images(home: Path) -> None:
    data = Cuhk03Mat(root=str(home))
    assert data.population == Cuhk03(root=str(home)).population
    opened = OpenDataset("cuhk03-mat", {}, data, data.fingerprint())
    with pytest.raises(UsageError, match="share"):
        refuse_shared_persons(opened, opened)


def test_without_h5py_it_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cuhk03_mat._opened.cache_clear()
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ReidbenchError, match=r"pip install 'reidbench\[cuhk03\]'"):
        Cuhk03Mat(root=str(home)).samples("train")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReidbenchError, match=r"there is no cuhk-03\.mat"):
        Cuhk03Mat(root=str(tmp_path)).samples("train")
    (tmp_path / "cuhk-03.mat").write_bytes(b"MATLAB 5.0")
    with pytest.raises(ReidbenchError, match=r"cuhk-03\.mat is no HDF5 file, or damaged"):
        Cuhk03Mat(root=str(tmp_path)).samples("train")
    (tmp_path / "other").mkdir()
    with h5py.File(tmp_path / "other" / "cuhk-03.mat", "w") as file:
        file["detected"] = np.zeros(3)
    with pytest.raises(ReidbenchError, match="does not hold the detected images"):
        Cuhk03Mat(root=str(tmp_path / "other")).samples("train")
    with pytest.raises(UsageError, match="split is 0 to 19"):
        Cuhk03Mat(root=str(tmp_path), protocol="classic", split=20)
