"""Homographies and affine maps as exponentials of bounded matrices."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reidbench_sagan.transform import Transform, precise

FARTHEST = math.log(2)


class Homography(Transform):
    """T = exp(A) / exp(A)_33 for a matrix A ``[3, 3]`` with a_33 = 0, row by row.

    The absolute values of each row of A sum to less than ``bound`` ln 2. For a point
    v = (x, y, 1) of the image, whose largest coordinate is 1, the largest of exp(A) v - v is then
    below e^(ln 2) - 1 = 1, and the third coordinate of exp(A) v above 0: T is finite on the whole
    image, and its scale may be fixed by h_33, the third coordinate at (0, 0, 1). The determinant
    of exp(A) is e^(tr A) > 0, so T neither folds nor mirrors. No larger bound has this: with x
    scaled by 2 and -x ln 2 in the third row, the coordinate reaches 0 at x = 1.

    All of it holds for T^-1, the exponential of -A, which lies in the same family: nothing in
    their range alone tells T_xy from (T_yx)^-1. Displacements of the four corners, the other usual
    numbers of a homography, have none of that. The synthetic domains low and high, where a corner
    moves by 0.55 one way and by 1.38 the other, are 0.574 apart by the row sum: a bound of 0.83
    reaches them.
    """

    raw = 8
    size = 9
    names = tuple(f"h{row}{column}" for row in "123" for column in "123")

    @precise
    def bounded(self, raw: Tensor) -> Tensor:
        """Return T of any numbers ``[B, raw]``; of zeros the identity."""
        rows = _padded(raw).view(-1, 3, 3)
        sums = rows.abs().sum(2, keepdim=True)
        # r / sqrt(1 + |r|^2): of slope 1 at 0, below 1 at infinity, nowhere divided by 0.
        algebra = self.bound * FARTHEST * rows * torch.rsqrt(1 + sums.square())
        return self._numbers(torch.linalg.matrix_exp(algebra))

    @precise
    def inverse(self, t: Tensor) -> Tensor:
        """Return T^-1 ``[B, 9]``, by the adjugate."""
        first, second, third = matrices(t).unbind(1)
        columns = [
            torch.linalg.cross(a, b) for a, b in ((second, third), (third, first), (first, second))
        ]
        return self._numbers(torch.stack(columns, 2))

    @precise
    def points(self, t: Tensor, xy: Tensor) -> Tensor:
        """Return ``[B, N, 2]`` where the points are moved to."""
        columns = matrices(t).mT
        moved = xy @ columns[:, :2] + columns[:, 2:]
        return moved[..., :2] / moved[..., 2:]

    def _numbers(self, matrix: Tensor) -> Tensor:
        """Return the numbers of T of matrices ``[B, 3, 3]`` of any scale."""
        return (matrix / matrix[:, 2:, 2:]).flatten(1)[:, : self.size]


class Affine(Homography):
    """T = exp(A) for a matrix A ``[3, 3]`` whose third row is 0; its first two, row by row.

    Bounded as a homography is: in the largest coordinate no length more than doubles, or shrinks
    to less than its half.
    """

    raw = 6
    size = 6
    names = tuple(f"a{row}{column}" for row in "12" for column in "123")

    @precise
    def points(self, t: Tensor, xy: Tensor) -> Tensor:
        """Return ``[B, N, 2]`` where the points are moved to."""
        columns = t.reshape(-1, 2, 3).mT
        return xy @ columns[:, :2] + columns[:, 2:]


def matrices(t: Tensor) -> Tensor:
    """Return the matrices ``[B, 3, 3]`` of homographies ``[B, 9]`` or affine maps ``[B, 6]``."""
    if t.shape[1] == Affine.size:
        last = t.new_tensor([0.0, 0.0, 1.0]).expand(len(t), 3)
        t = torch.cat([t, last], 1)
    return t.reshape(-1, 3, 3)


def corner_error(t: Tensor, truth: Tensor) -> Tensor:
    """Return how far, on average, the corners of the image are from where they should be.

    Args:
        t: ``[B, 9]`` homographies, or ``[B, 6]`` affine maps.
        truth: ``[3, 3]`` the homography to compare with, of any scale.

    Returns:
        ``[B]``, in units of half the image's width and height.
    """
    corners = t.new_tensor([[[-1, -1], [1, -1], [1, 1], [-1, 1]]])
    apply = Homography(0).points
    moved = apply(matrices(t).flatten(1), corners)
    wanted = apply(truth.to(t).reshape(1, 9), corners)
    distance: Tensor = torch.linalg.vector_norm(moved - wanted, dim=2)
    return distance.mean(1)


def _padded(raw: Tensor) -> Tensor:
    """Return the numbers ``[B, 9]`` of A, with zeros for those that are not free."""
    return torch.nn.functional.pad(raw, (0, 9 - raw.shape[1]))
