"""Distances by chunks of query rows, so that no ``[Q, G]`` matrix is ever held.

numpy's matrix product serves alone: on an AMD processor with AVX-512 it came within a tenth of the
peak rate in float32, ahead of a matrix product, a linear layer and a 1x1 convolution in torch.
Choosing the fastest by a trial would let two runs on the same features differ in their last bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.evaluation.features import Floats, Ints
from reidbench.evaluation.options import Metric

CHUNK_BYTES = 128 * 2**20
"""Size of the one buffer of distances; more rows at a time multiply no faster."""
CHUNK_ROWS = (32, 512)
"""Least and most query rows a chunk: below, the product is slow; above, nothing is won."""


class Distances(ABC):
    """Distances ``[Q, G]`` between queries and gallery, read by chunks of rows."""

    shape: tuple[int, int]

    @abstractmethod
    def fill(self, start: int, out: Floats) -> None:
        """Write the distances of the queries from ``start`` on into ``out`` ``[rows, G]``."""

    def chunks(self) -> Iterator[tuple[int, Floats]]:
        """Yield the first query of each chunk and its rows, in order.

        The rows may be overwritten, and are by the next chunk.
        """
        queries, gallery = self.shape
        rows = self._rows()
        buffer = np.empty((rows, gallery), np.float32)
        for start in range(0, queries, rows):
            out = buffer[: queries - start]
            self.fill(start, out)
            yield start, out

    def _rows(self) -> int:
        least, most = CHUNK_ROWS
        return min(self.shape[0], most, max(least, CHUNK_BYTES // (4 * self.shape[1])))


class Pairwise(Distances):
    """Distances of which parts of rows and single entries can be read as well."""

    @abstractmethod
    def fill(self, start: int, out: Floats, first: int = 0) -> None:
        """Write the distances of the queries from ``start`` on to the images from ``first`` on."""

    def triangle(self) -> Iterator[tuple[int, Floats]]:
        """Yield as :meth:`chunks` does, of distances among N images, each pair's at least once.

        The rows ``[rows, N - start]`` begin at the diagonal.
        """
        images, rows = self.shape[0], self._rows()
        buffer = np.empty(rows * images, np.float32)
        for start in range(0, images, rows):
            shape = min(rows, images - start), images - start
            out = buffer[: shape[0] * shape[1]].reshape(shape)
            self.fill(start, out, start)
            yield start, out

    @abstractmethod
    def at(self, row: int, columns: Ints) -> Floats:
        """Return the distances ``[n]`` from one query to the gallery images ``columns``."""


class FeatureDistances(Pairwise):
    """Squared Euclidean distance, or 1 - cosine of features that have unit length.

    "cosine" expects features that :func:`unit` has made.
    """

    def __init__(self, query: Floats, gallery: Floats, metric: Metric = "euclidean") -> None:
        """Take features ``[Q, D]`` and ``[G, D]``."""
        self.shape = (len(query), len(gallery))
        self._query, self._gallery, self._metric = query, gallery, metric
        self._ends: tuple[Floats, Floats] | None = None
        if metric == "euclidean":
            self._ends = (_squares(query), _squares(gallery))

    def fill(self, start: int, out: Floats, first: int = 0) -> None:
        """Write ``|q|^2 + |g|^2 - 2 q.g``, or ``1 - q.g``, for the rows of ``out``."""
        rows, gallery = self._query[start : start + len(out)], self._gallery[first:]
        if self._ends is None:
            np.matmul(-rows, gallery.T, out=out)
            out += 1
        else:
            np.matmul(-2 * rows, gallery.T, out=out)
            out += self._ends[1][first:]
            out += self._ends[0][start : start + len(out), None]

    def at(self, row: int, columns: Ints) -> Floats:
        """Return single entries; they equal :meth:`fill`'s to float32 rounding."""
        dots: Floats = self._gallery[columns] @ self._query[row]
        if self._ends is None:
            return np.subtract(1, dots, dtype=np.float32)
        ends: Floats = self._ends[0][row] + self._ends[1][columns]
        return ends - 2 * dots


class MatrixDistances(Pairwise):
    """Distances that somebody else computed, ``[Q, G]``."""

    def __init__(self, matrix: NDArray[np.floating]) -> None:
        """Take ``[Q, G]``; raises ``ReidbenchError`` if it is not a matrix or is empty."""
        if matrix.ndim != 2 or 0 in matrix.shape:
            raise ReidbenchError(f"distances must be a matrix [Q, G], not {list(matrix.shape)}")
        self.shape = (matrix.shape[0], matrix.shape[1])
        self._matrix = matrix

    def fill(self, start: int, out: Floats, first: int = 0) -> None:
        """Copy rows of the matrix; raises ``ReidbenchError`` if one is not finite."""
        out[:] = self._matrix[start : start + len(out), first:]
        if not np.isfinite(out).all():
            raise ReidbenchError(
                f"distances hold NaN or infinity in the rows {start} to {start + len(out) - 1}"
            )

    def at(self, row: int, columns: Ints) -> Floats:
        """Return single entries."""
        entries: Floats = self._matrix[row, columns].astype(np.float32, copy=False)
        return entries


class Columns(Distances):
    """Some columns of other distances."""

    def __init__(self, distances: Distances, columns: Ints) -> None:
        """Take ``[Q, G]`` distances and the columns ``[n]`` to keep."""
        self.shape = (distances.shape[0], len(columns))
        self._all, self._columns = distances, columns

    def fill(self, start: int, out: Floats) -> None:
        """Copy the columns of some rows."""
        rows = np.empty((len(out), self._all.shape[1]), np.float32)
        self._all.fill(start, rows)
        np.take(rows, self._columns, axis=1, out=out)


def unit(features: Floats) -> Floats:
    """Scale the rows of ``features`` ``[N, D]`` to unit length, in place, and return them.

    A row of zeros stays: it has no direction, and is equally far from everything.
    """
    norms = np.sqrt(_squares(features))
    features /= np.maximum(norms, np.finfo(np.float32).tiny)[:, None]
    return features


def _squares(features: Floats) -> Floats:
    squares: Floats = np.einsum("nd,nd->n", features, features)
    return squares
