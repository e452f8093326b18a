"""Re-ranking with k-reciprocal encoding, in memory that grows with N k, not with N squared.

Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017. The
neighbours of all N = Q + G images are kept as lists and their encodings as sparse rows; distances
are computed by chunks, once for each pair and again for the queries. As in the authors' Python
code (not their MATLAB) junk is not among the N images, and the original distance is the squared
one over its row's maximum.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from reidbench.evaluation.distance import Distances, Pairwise
from reidbench.evaluation.features import Floats, Ints
from reidbench.evaluation.neighbours import Neighbours, neighbours

Sparse: TypeAlias = Any
"""A ``scipy.sparse.csr_array`` of float32; scipy ships no types."""


class Reranked(Distances):
    """Jaccard distances of k-reciprocal encodings, blended with the original (eq. 12)."""

    def __init__(
        self,
        joint: Pairwise,
        queries: int,
        *,
        k1: int = 20,
        k2: int = 6,
        lambda_value: float = 0.3,
    ) -> None:
        """Compute the neighbours and encodings of all images.

        Args:
            joint: symmetric distances ``[N, N]`` among the queries and then the gallery images;
                squared Euclidean, as the authors take them.
            queries: number of queries Q among the N images.
            k1: neighbours that make the reciprocal sets.
            k2: neighbours that the local expansion averages over.
            lambda_value: weight of the original distance.
        """
        self.shape = (queries, joint.shape[1] - queries)
        self._joint, self._lambda = joint, lambda_value
        near = neighbours(joint, max(k1 + 1, k2))
        weights = _encodings(joint, near, _expanded_sets(near.lists, k1))
        codes = _adjacency(near.lists[:, :k2]) @ weights / min(k2, near.lists.shape[1])
        self._farthest = near.farthest
        self._codes: Sparse = codes[:queries]
        self._inverted = sparse.csc_array(codes[queries:])

    def fill(self, start: int, out: Floats) -> None:
        """Write ``(1 - lambda) * jaccard + lambda * original / its row's maximum``."""
        queries = self.shape[0]
        whole = np.empty((len(out), self._joint.shape[1]), np.float32)
        self._joint.fill(start, whole)
        scale = self._lambda / self._farthest[start : start + len(out), None]
        np.multiply(whole[:, queries:], scale, out=out)
        for i, row in enumerate(out, start):
            row += (1 - self._lambda) * self._jaccard(i)

    def _jaccard(self, query: int) -> Floats:
        """Return ``1 - sum min / sum max`` ``[G]`` (eq. 10), where each encoding sums to 1."""
        codes, inverted = self._codes, self._inverted
        part = slice(codes.indptr[query], codes.indptr[query + 1])
        first = inverted.indptr[codes.indices[part]]
        counts = inverted.indptr[codes.indices[part] + 1] - first
        # The entries of all the query's columns, end to end.
        ends = np.cumsum(counts)
        entries = np.arange(counts.sum()) + np.repeat(first - ends + counts, counts)
        both = np.minimum(np.repeat(codes.data[part], counts), inverted.data[entries])
        shared = np.bincount(inverted.indices[entries], both, self.shape[1])
        jaccard: Floats = (1 - shared / (2 - shared)).astype(np.float32)
        return jaccard


def _adjacency(lists: Ints) -> Sparse:
    """Return ``[N, N]`` with 1 where a row's list names the column."""
    rows, k = lists.shape
    ones = np.ones(lists.size, np.float32)
    pointers = np.arange(0, lists.size + 1, k)
    return sparse.csr_array((ones, lists.ravel(), pointers), shape=(rows, rows))


def _reciprocal(lists: Ints, k: int) -> Sparse:
    """Return R(p, k) (eq. 2) as 0/1 rows: images among each other's nearest k + 1."""
    forward = _adjacency(lists[:, : k + 1])
    return forward.multiply(forward.T).tocsr()


def _expanded_sets(lists: Ints, k1: int) -> Sparse:
    """Return R*(p, k1) (eq. 3) as rows whose entries are not zero.

    A member's own half-sized set joins if more than 2/3 of it are members already. An
    image with an empty set, as happens among more than k1 equal ones, is left with itself.
    """
    members = _reciprocal(lists, k1)
    halves = _reciprocal(lists, round(k1 / 2))
    shared = (members @ halves).multiply(members).tocsr()
    sizes = halves.sum(axis=1)
    shared.data = (shared.data > sizes[shared.indices] * (2 / 3)).astype(np.float32)
    lonely = sparse.diags_array((members.sum(axis=1) == 0).astype(np.float32))
    sets = (members + shared @ halves + lonely).tocsr()
    sets.eliminate_zeros()
    return sets


def _encodings(joint: Pairwise, near: Neighbours, sets: Sparse) -> Sparse:
    """Return rows of ``exp(-distance)`` (eq. 7) over the sets, each summing to 1."""
    weights = sets.astype(np.float32)
    for i in range(weights.shape[0]):
        part = slice(weights.indptr[i], weights.indptr[i + 1])
        row = np.exp(-joint.at(i, weights.indices[part]) / near.farthest[i])
        weights.data[part] = row / row.sum()
    return weights
