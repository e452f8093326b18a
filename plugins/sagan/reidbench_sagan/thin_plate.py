"""Thin plate splines.

Bookstein, "Principal Warps: Thin-Plate Splines and the Decomposition of Deformations", PAMI 1989.
"""

from __future__ import annotations

import torch
from torch import Tensor

from reidbench_sagan.transform import Transform, precise

SIDE = 3
FARTHEST = 0.2


class ThinPlate(Transform):
    """T bends a plate as little as its displacements ``dx, dy`` at 3x3 points demand.

    The points are a lattice over the image, from border to border, row by row. Half of a
    displacement d is taken before its point p and half after it: T takes p - d / 2 to p + d / 2,
    so that -d are the numbers of a spline that undoes T exactly at those nine points. Between them
    it errs by an amount that grows with the square of the displacements: in units of half a side,
    0.004 on average and 0.04 at most over transforms drawn at ``bound`` 0.5, 0.016 and 0.2 at
    0.95.

    No displacement exceeds ``bound`` 0.2 in either direction, a fifth of the spacing. For the
    worst displacements that a search found at 0.2, the determinant of T's Jacobian was still 0.11
    where the image is bent most; at 0.25 there are folds.
    """

    raw = 2 * SIDE * SIDE
    size = raw
    names = tuple(f"{axis}{number + 1}" for number in range(SIDE * SIDE) for axis in ("dx", "dy"))

    @precise
    def bounded(self, raw: Tensor) -> Tensor:
        """Return T ``[B, 18]`` of any numbers ``[B, 18]``; of zeros the identity."""
        return self.bound * FARTHEST * raw.tanh()

    @precise
    def inverse(self, t: Tensor) -> Tensor:
        """Return the spline ``[B, 18]`` that takes the nine points back."""
        return -t

    @precise
    def points(self, t: Tensor, xy: Tensor) -> Tensor:
        """Return ``[B, N, 2]`` where the points are moved to."""
        displacements = t.reshape(-1, SIDE * SIDE, 2)
        controls = _lattice(t) - displacements / 2
        weights, plane = _spline(controls, displacements)
        return xy + _kernel(xy, controls) @ weights + _with_one(xy) @ plane


def _lattice(like: Tensor) -> Tensor:
    """Return the undisturbed points ``[9, 2]``."""
    side = torch.linspace(-1, 1, SIDE, dtype=like.dtype, device=like.device)
    rows, columns = torch.meshgrid(side, side, indexing="ij")
    return torch.stack([columns, rows], -1).view(-1, 2)


def _spline(controls: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weights ``[B, 9, 2]`` and the plane ``[B, 3, 2]`` of ``controls`` to ``values``.

    Bookstein's equations: the values are met, and no weights bend the plate at infinity.
    """
    plane = _with_one(controls)
    corner = plane.new_zeros(len(plane), 3, 3)
    upper = torch.cat([_kernel(controls, controls), plane], 2)
    lower = torch.cat([plane.mT, corner], 2)
    known = torch.nn.functional.pad(values, (0, 0, 0, 3))
    solved = torch.linalg.solve(torch.cat([upper, lower], 1), known)
    return solved[:, : SIDE * SIDE], solved[:, SIDE * SIDE :]


def _kernel(xy: Tensor, controls: Tensor) -> Tensor:
    """Return r^2 log r^2 ``[B, N, 9]`` of the distances r from each control to each point."""
    square = (xy[:, :, None] - controls[:, None]).square().sum(3)
    # 0 log 0 is 0, in value and in slope.
    logarithm = square.clamp_min(torch.finfo(square.dtype).tiny).log()
    return square * logarithm


def _with_one(xy: Tensor) -> Tensor:
    return torch.nn.functional.pad(xy, (1, 0), value=1.0)
