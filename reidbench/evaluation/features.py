"""Features and labels as the evaluation takes them, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError

JUNK = -1
"""Person label of images that count neither for nor against a ranking."""
UNKNOWN = -1
"""Camera label of images of which it is not known."""
DISTRACTOR = 0
"""Person label of gallery images that match nobody; they stay in the ranking."""

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Labels:
    """Person and camera of each image.

    Attributes:
        pids: ``[N]`` int64 person; -1 is junk, 0 a distractor where the dataset has them.
        cams: ``[N]`` int64 camera; -1 where it is not known.
        files: ``[N]`` int64 file of each image, equal where query and gallery hold the same one;
            None where it is not known.
    """

    pids: Ints
    cams: Ints
    files: Ints | None = None

    def __len__(self) -> int:
        """Return the number of images N."""
        return len(self.pids)

    def __getitem__(self, index: Ints | NDArray[np.bool_]) -> Labels:
        """Return the labels of some images."""
        files = None if self.files is None else self.files[index]
        return Labels(self.pids[index], self.cams[index], files)


@dataclass(frozen=True)
class Features:
    """One embedded set of images, as any model may have made it.

    Attributes:
        features: ``[N, D]`` float32, or float64 where that is what is known.
        pids: ``[N]`` integer person; -1 is junk, 0 a distractor where the dataset has them.
        cams: ``[N]`` integer camera; -1 where it is not known.
        files: ``[N]`` integer file of each image, as ``Labels`` has it.
    """

    features: Floats
    pids: Ints
    cams: Ints
    files: Ints | None = None

    def __len__(self) -> int:
        """Return the number of images N."""
        return len(self.pids)

    @property
    def labels(self) -> Labels:
        """The labels alone."""
        return Labels(self.pids, self.cams, self.files)


def file_numbers(files: Iterable[bytes]) -> Ints:
    """Return a number for each file by its content or name; equal numbers are one file."""
    digests = [blake2b(file, digest_size=8).digest() for file in files]
    return np.frombuffer(b"".join(digests), np.int64)


def checked(name: str, given: Features) -> Features:
    """Return ``given`` with int64 labels and float32 features, without copying what is so already.

    Features of float64 stay so: float32 may not tell them apart.

    Args:
        name: name of the set in errors, such as "query".
        given: the set to look at.

    Raises:
        ReidbenchError: if the set is empty, a shape or type is wrong, or a feature is not finite.
    """
    features = _matrix(name, np.asarray(given.features))
    pids = _labels(name, "pids", np.asarray(given.pids), len(features))
    cams = _labels(name, "cams", np.asarray(given.cams), len(features))
    if given.files is None:
        return Features(features, pids, cams)
    files = _labels(name, "files", np.asarray(given.files), len(features))
    return Features(features, pids, cams, files)


def same_dimension(name: str, features: Features, other: str, others: Features) -> None:
    """Raise ``ReidbenchError`` unless both sets hold features of the same dimension."""
    mine, theirs = features.features.shape[1], others.features.shape[1]
    if mine != theirs:
        raise ReidbenchError(
            f"{name} features have {mine} dimensions and {other} features {theirs}; "
            "embed both with the same model"
        )


def _matrix(name: str, features: NDArray[np.generic]) -> Floats:
    if features.ndim != 2 or features.dtype.kind not in "fiu":
        raise ReidbenchError(
            f"{name} features must be a matrix [N, D] of numbers, "
            f"not {list(features.shape)} of {features.dtype}"
        )
    if 0 in features.shape:
        raise ReidbenchError(f"{name} features are empty: {list(features.shape)}")
    with np.errstate(over="ignore"):
        matrix = features.astype(np.float32, copy=False)
    _finite(name, matrix)
    wide: Any = features
    return wide if features.dtype == np.float64 else matrix


def _finite(name: str, matrix: Floats) -> None:
    # A row's squared norm is finite only if the row is, and costs no matrix of booleans.
    with np.errstate(over="ignore", invalid="ignore"):
        bad = np.flatnonzero(~np.isfinite(np.einsum("nd,nd->n", matrix, matrix)))
    if len(bad):
        raise ReidbenchError(
            f"{name} features hold NaN, infinity or values too large for float32 "
            f"in {len(bad)} of {len(matrix)} rows, first in row {bad[0]}"
        )


def _labels(name: str, field: str, labels: NDArray[np.generic], rows: int) -> Ints:
    if labels.dtype.kind not in "iu":
        raise ReidbenchError(f"{name} {field} must be integers, not {labels.dtype}")
    if labels.shape != (rows,):
        raise ReidbenchError(
            f"{name} {field} have the shape {list(labels.shape)} for {rows} rows of features"
        )
    return labels.astype(np.int64, copy=False)
