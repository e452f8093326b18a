"""Distances by chunks of query rows, so that no ``[Q, G]`` matrix is ever held.

numpy's matrix product serves alone: on an AMD processor with AVX-512 it came within a tenth of the
peak rate in float32, ahead of a matrix product, a linear layer and a 1x1 convolution in torch.
Choosing the fastest by a trial would let two runs on the same features differ in their last bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.evaluation.features import Floats, Ints
from reidbench.evaluation.options import Metric

Doubles = NDArray[np.float64]
AnyFloats = TypeVar("AnyFloats", Floats, Doubles)

CHUNK_BYTES = 128 * 2**20
"""Size of the one buffer of distances; more rows at a time multiply no faster."""
CHUNK_ROWS = (32, 512)
"""Least and most query rows a chunk: below, the product is slow; above, nothing is won."""
NEAR = 2.0**-11
"""Squared distance over the query's squared length below which float32 has cancelled.

From here on the distance keeps 12 bits at least; below, it is computed anew in float64.
"""
FEW = 64
"""Entries of a row that are computed one by one; of more, the whole row is."""
COLUMNS = 1024
"""Gallery features that are widened to float64 at a time."""
ROUNDING = 2.0**-46
"""Share of the squared lengths below which float64 has cancelled too: the features are equal."""


class Rows(Protocol):
    """Features ``[N, D]`` of which rows are read; an array, or what makes them when asked."""

    def __len__(self) -> int:
        """Return N."""

    def __getitem__(self, rows: int | slice | Ints, /) -> Floats:
        """Return one row ``[D]``, or several ``[n, D]``."""


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

    "cosine" expects features that :func:`unit` has made. Distances so small that float32 cancels
    in them are computed again in float64, as if of features of exactly unit length for "cosine".
    Of an image to itself (query and gallery are one array) rounding may leave another value than 0.
    """

    def __init__(
        self, query: Rows, gallery: Floats, metric: Metric = "euclidean", *, centred: bool = False
    ) -> None:
        """Take features ``[Q, D]`` and ``[G, D]``.

        Args:
            query: features of the queries.
            gallery: features of the gallery.
            metric: "euclidean" or "cosine".
            centred: whether both had one vector subtracted after they were of unit length. Then
                1 - cosine is half the squared Euclidean distance.
        """
        self.shape = (len(query), len(gallery))
        self._query, self._gallery = query, gallery
        self._scale = np.float32(1 if metric == "euclidean" else 0.5)
        self._ends: tuple[Floats, Floats] | None = None
        if metric == "euclidean" or centred:
            self._ends = (_lengths(query), _squares(gallery))
        lengths = self._ends[0] if self._ends else np.ones(len(query), np.float32)
        self._limits = np.float32(NEAR) * self._scale * lengths

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
            if self._scale != 1:
                out *= self._scale
        self._refine(start, out, first)

    def at(self, row: int, columns: Ints) -> Floats:
        """Return single entries; they equal :meth:`fill`'s to float32 rounding."""
        dots: Floats = self._gallery[columns] @ self._query[row]
        if self._ends is None:
            found = np.subtract(1, dots, dtype=np.float32)
        else:
            ends: Floats = self._ends[0][row] + self._ends[1][columns]
            found = (ends - 2 * dots) * self._scale
        near = np.flatnonzero(found < self._limits[row])
        if self._query is self._gallery and len(near):
            near = near[columns[near] != row]
        if len(near):
            found[near] = self._entries(row, columns[near])
        return found

    def _refine(self, start: int, out: Floats, first: int) -> None:
        """Compute anew what float32 has cancelled in."""
        limits = self._limits[start : start + len(out)]
        crowded = []
        for i in self._threatened(out, limits):
            near = np.flatnonzero(out[i] < limits[i])
            if len(near) > FEW:
                crowded.append(i)
            else:
                if self._query is self._gallery:
                    near = near[near + first != start + i]
                out[i, near] = self._entries(start + i, near + first)
        if crowded:
            self._rows_anew(np.array(crowded), start, out, first)

    def _threatened(self, out: Floats, limits: Floats) -> list[int]:
        """Return the rows with entries below their limits, an image's own to itself apart."""
        if self._query is not self._gallery:
            return np.flatnonzero(out.min(axis=1) < limits).tolist()
        counts = np.count_nonzero(out < limits[:, None], axis=1)
        return np.flatnonzero(counts > 1).tolist()

    def _entries(self, row: int, columns: Ints) -> Floats:
        """Return entries from the features' differences."""
        apart = self._gallery[columns].astype(np.float64) - self._query[row]
        exact: Floats = (np.einsum("nd,nd->n", apart, apart) * self._scale).astype(np.float32)
        return exact

    def _rows_anew(self, rows: Ints, start: int, out: Floats, first: int) -> None:
        """Compute whole rows by products in float64."""
        query = self._query[rows + start].astype(np.float64)
        ends = _squares(query)[:, None]
        for column in range(first, self.shape[1], COLUMNS):
            gallery = self._gallery[column : column + COLUMNS].astype(np.float64)
            lengths = ends + _squares(gallery)
            apart = lengths - 2 * query @ gallery.T
            apart[apart < ROUNDING * lengths] = 0
            out[rows, column - first : column - first + len(gallery)] = apart * self._scale


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


def unit(features: AnyFloats) -> AnyFloats:
    """Scale the rows of ``features`` ``[N, D]`` to unit length, in place, and return them.

    A row of zeros stays: it has no direction, and is equally far from everything.
    """
    norms = np.sqrt(_squares(features))
    features /= np.maximum(norms, np.finfo(np.float32).tiny)[:, None]
    return features


def _lengths(features: Rows) -> Floats:
    """Return the squared lengths ``[N]``; the rows are made a few at a time."""
    starts = range(0, len(features), COLUMNS)
    return np.concatenate([_squares(features[start : start + COLUMNS]) for start in starts])


def _squares(features: AnyFloats) -> AnyFloats:
    squares: AnyFloats = np.einsum("nd,nd->n", features, features)
    return squares
