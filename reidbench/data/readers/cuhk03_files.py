"""The two files of CUHK03 that divide its persons; nothing in them is unpickled or run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.dataset import SPLITS, Split
from reidbench.errors import ReidbenchError, shown
from reidbench.storage.matlab import read_variable

INDICES: dict[Split, str] = {"train": "train_idx", "query": "query_idx", "gallery": "gallery_idx"}


def read_new_division(path: Path) -> Mapping[Split, frozenset[str]]:
    """Return the names of the images of each split of the new protocol.

    Args:
        path: file ``cuhk03_new_protocol_config_{labeled,detected}.mat`` (Zhong et al., CVPR 2017).

    Raises:
        ReidbenchError: if it is not there, or not such a file.
    """
    names = read_variable(path, "filelist")
    indices = {split: read_variable(path, name) for split, name in INDICES.items()}
    try:
        return {split: _chosen(names, indices[split]) for split in SPLITS}
    except (ValueError, TypeError, IndexError) as error:
        raise _unreadable(path, "the splits of the new protocol", error) from error


def read_test_sets(path: Path) -> list[list[tuple[int, int]]]:
    """Return the test sets of the classic protocol, each a list of (pair of cameras, person).

    Args:
        path: file ``cuhk-03.mat`` (Li et al., CVPR 2014), an HDF5 file.

    Raises:
        ReidbenchError: if h5py is not installed, or the file not there or not such a file.
    """
    try:
        import h5py
    except ImportError as error:
        raise ReidbenchError(
            "cuhk03: the test sets of the classic protocol are in cuhk-03.mat, which h5py reads; "
            "install it with: pip install 'reidbench[cuhk03]'"
        ) from error
    try:
        with h5py.File(path, "r") as file:
            # A cell array is an array of references to its cells, whose axes are swapped.
            cells = [np.asarray(file[ref]) for ref in np.ravel(file["testsets"])]
        return [[(int(pair), int(number)) for pair, number in cell.T] for cell in cells]
    except Exception as error:  # h5py raises of all kinds on what has another form
        raise _unreadable(path, "the test sets of the classic protocol", error) from error


def _chosen(names: Sequence[str], indices: NDArray[Any]) -> frozenset[str]:
    """Return the names at indices that count from 1."""
    places = [int(index) - 1 for index in indices]
    if places and min(places) < 0:
        raise IndexError("an index is below 1")
    return frozenset(str(names[place]) for place in places)


def _unreadable(path: Path, what: str, error: object) -> ReidbenchError:
    reason = "there is no such file" if not path.is_file() else shown(str(error))
    return ReidbenchError(f"cuhk03: cannot read {what} from {shown(path)}: {reason}")
