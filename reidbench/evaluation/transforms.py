"""Measures of a translator's spatial transforms, and their distance to a known viewpoint gap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.storage.keys import JSON

if TYPE_CHECKING:
    from reidbench.data.dataset import Dataset

Doubles = NDArray[np.float64]
Numbers = NDArray[np.floating]
Rows = NDArray[np.int64]

HOMOGRAPHY = 9
"""Parameters of a transform that is a matrix ``[3, 3]``, row by row."""
CORNERS = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
_STEPS = (np.arange(9) - 4) * (2 / 9)
GRID: Doubles = np.stack(np.meshgrid(_STEPS, _STEPS), -1).reshape(-1, 2)
"""Middles of nine by nine equal cells of an image, where sampling grids are compared."""
CORNER_NAMES = ("upper left", "upper right", "lower right", "lower left")


def moved_corners(parameters: Numbers) -> Doubles:
    """Return the corners of the image under homographies ``[N, 9]``, as ``[N, 4, 2]``.

    In [-1, 1] from the left and upper border to the right and lower one, as ``Warp`` has it.

    Raises:
        ReidbenchError: if a corner is taken to infinity or beyond.
    """
    matrices = np.asarray(parameters, np.float64).reshape(-1, 3, 3)
    return _moved(CORNERS, matrices, "a corner")


def parameter_names(count: int) -> list[str]:
    """Return names for the numbers that decide a transform."""
    if count == HOMOGRAPHY:
        return [f"h{row}{column}" for row in (1, 2, 3) for column in (1, 2, 3)]
    return [f"p{number}" for number in range(1, count + 1)]


def described(values: Numbers) -> dict[str, float]:
    """Return mean, standard deviation, least and largest of ``[N]`` numbers."""
    precise = np.asarray(values, np.float64)
    return {
        "mean": float(precise.mean()),
        "sd": float(precise.std()),
        "min": float(precise.min()),
        "max": float(precise.max()),
    }


def between_codes(corners: Doubles, images: int) -> float | None:
    """Return the spread of the translations of one image by several codes.

    The root mean square distance of a corner to where it lies on average over the codes, in the
    units of the corners.

    Args:
        corners: ``[M * images, 4, 2]``, a block of all images for each code.
        images: number of originals.

    Returns:
        None if there is one translation of each image.
    """
    blocks = corners.reshape(-1, images, *corners.shape[1:])
    return None if len(blocks) == 1 else float(np.sqrt(blocks.var(0).sum(-1).mean()))


@dataclass(frozen=True)
class Known:
    """The true transform between synthetic cameras.

    Attributes:
        gaps: ``[N, K, 3, 3]``: for each image the homography to each camera it may be shown by.
    """

    gaps: Doubles

    @property
    def corners(self) -> Doubles:
        """True positions of the corners, ``[N, K, 4, 2]``."""
        images, cameras = self.gaps.shape[:2]
        return moved_corners(self.gaps.reshape(-1, HOMOGRAPHY)).reshape(images, cameras, 4, 2)

    def error(self, corners: Doubles) -> float:
        """Return the mean distance of ``corners`` ``[N, 4, 2]`` from the true ones.

        Of an image that several cameras may show it is the mean over them. Half a side of the
        image is 1.
        """
        apart = corners[:, None] - self.corners
        return float(np.linalg.norm(apart, axis=-1).mean())

    def grid_error(self, parameters: Numbers) -> float:
        """Return the mean end-point error of the sampling grids of homographies ``[N, 9]``.

        At ``GRID`` points, evenly spread over the translated image: the distance from the point
        of the real image that is sampled there to the one that should be. Of an image that several
        cameras may show it is the mean over them. Half a side of the image is 1.

        Raises:
            ReidbenchError: if a transform cannot be undone, or samples from infinity.
        """
        matrices = np.asarray(parameters, np.float64).reshape(-1, 3, 3)
        sampled = _sampled(matrices)
        truths = [_sampled(gap) for gap in self.gaps.swapaxes(0, 1)]
        return float(np.mean([np.linalg.norm(sampled - t, axis=-1).mean() for t in truths]))

    def grid_errors(self, parameters: Numbers) -> dict[str, JSON]:
        """Return ``grid_error``, and that of leaving all pixels where they are."""
        still = np.broadcast_to(np.eye(3).ravel(), (len(self.gaps), HOMOGRAPHY))
        return {
            "grid_error": self.grid_error(parameters),
            "grid_identity": self.grid_error(still),
        }

    def to_dict(self, corners: Doubles) -> dict[str, JSON]:
        """Return the error of ``corners``, and that of leaving all pixels where they are."""
        still = np.broadcast_to(CORNERS, corners.shape)
        return {"error": self.error(corners), "identity": self.error(still)}


def known_gap(source: Dataset, target: Dataset, cams: Rows, towards: Rows | None) -> Known | None:
    """Return the true transforms of images of the source; None where they are not known.

    Args:
        source: dataset whose images were translated.
        target: dataset whose style they were given.
        cams: ``[N]`` the camera of each image.
        towards: ``[N]`` the target's camera each was translated to; None if to no one of them.
    """
    first, second = _viewpoints(source), _viewpoints(target)
    if first is None or second is None:
        return None
    own = np.linalg.inv(np.stack([first(int(cam)) for cam in np.unique(cams)]))
    own = own[np.unique(cams, return_inverse=True)[1]]
    there = np.unique(target.samples("train").cams)
    others = np.stack([second(int(cam)) for cam in there])
    if towards is None:
        return Known(others[None] @ own[:, None])
    return Known(others[np.searchsorted(there, towards)][:, None] @ own[:, None])


def _sampled(matrices: Doubles) -> Doubles:
    """Return where homographies ``[N, 3, 3]`` sample the points of ``GRID`` from, ``[N, G, 2]``."""
    try:
        return _moved(GRID, np.linalg.inv(matrices), "a point")
    except np.linalg.LinAlgError as error:
        raise ReidbenchError("a transform flattens the image and cannot be undone") from error


def _moved(points: Doubles, matrices: Numbers, what: str) -> Doubles:
    """Return where homographies ``[N, 3, 3]`` take points ``[G, 2]``, ``[N, G, 2]``."""
    moved = np.column_stack([points, np.ones(len(points))]) @ matrices.swapaxes(1, 2)
    # The scale of a homography means nothing: what counts is the sign that the middle has.
    depths = moved[..., 2:] * np.sign(matrices[:, 2:, 2:])
    if not (depths > 0).all():
        raise ReidbenchError(f"a transform takes {what} of the image to infinity")
    return moved[..., :2] / moved[..., 2:]


def _viewpoints(dataset: Dataset) -> Callable[[int], Doubles] | None:
    found: Callable[[int], Doubles] | None = getattr(dataset, "viewpoint", None)
    return found
