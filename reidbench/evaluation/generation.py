"""Similarity of generated images to real ones: FID, KID and SSIM, of arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from reidbench.errors import ReidbenchError

Doubles = NDArray[np.float64]
Numbers = NDArray[np.floating]

KID_BLOCK = 1000
"""Images of each set in a block, if there are as many."""
_ROWS = 4096  # of a matrix that are taken at a time, to save memory

_WINDOW, _DEVIATION = 11, 1.5  # of the Gaussian
_STABLE = ((0.01 * 255) ** 2, (0.03 * 255) ** 2)  # C1 and C2 for 8 bits
_LUMA = np.array([0.299, 0.587, 0.114])


def fid(first: Numbers, second: Numbers) -> float:
    """Return the Fréchet distance of the Gaussians that fit two sets of features.

    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
    Equilibrium", NeurIPS 2017, eq. 6: ``|m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2))``. Biased
    upwards for few images; with no more images than dimensions the covariances are singular.

    No root of a product of covariances is taken: with ``S = R^T R``, the trace of the root is the
    sum of the singular values of ``R1 R2^T``, which is exact for any number of images.

    Args:
        first: ``[N, D]``.
        second: ``[M, D]``.

    Raises:
        ReidbenchError: if a set has fewer than two rows.
    """
    _refuse_few(first, second)
    (mean1, root1), (mean2, root2) = _gaussian(first), _gaussian(second)
    shared = np.linalg.svd(root1 @ root2.T, compute_uv=False).sum()
    apart = np.square(mean1 - mean2).sum()
    return float(max(apart + np.square(root1).sum() + np.square(root2).sum() - 2 * shared, 0.0))


def kid(first: Numbers, second: Numbers, block: int = KID_BLOCK) -> tuple[float, int, int]:
    """Return the kernel distance of two sets of features, its block size and number of blocks.

    Binkowski et al., "Demystifying MMD GANs", ICLR 2018: the unbiased estimate of the squared
    maximum mean discrepancy under ``k(x, y) = (x.y / D + 1)^3``, averaged over disjoint blocks of
    rows that are shuffled in one fixed way. It can be negative.

    Args:
        first: ``[N, D]``.
        second: ``[M, D]``.
        block: rows of each set in a block; fewer if a set has not as many.

    Raises:
        ReidbenchError: if a set has fewer than two rows.
    """
    _refuse_few(first, second)
    size = min(len(first), len(second), block)
    pairs = list(zip(_blocks(first, size), _blocks(second, size), strict=False))
    return float(np.mean([_discrepancy(x, y) for x, y in pairs])), size, len(pairs)


def ssim(
    first: NDArray[np.uint8], second: NDArray[np.uint8], weights: Numbers | None = None
) -> Doubles:
    """Return the structural similarity ``[B]`` of images ``[B, H, W, 3]`` uint8, pair by pair.

    Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment", IEEE TIP 2004, eq. 13, of the
    luminance (ITU-R BT.601): 11x11 Gaussian of deviation 1.5, K1 = 0.01, K2 = 0.03, averaged over
    the places where the window fits in; along a side of fewer than 11 pixels, over the middle,
    with the border mirrored. With ``weights`` ``[B, H, W]`` it is the weighted average over those
    places; not a number where they add up to nothing.
    """
    x, y = first @ _LUMA, second @ _LUMA
    mean_x, mean_y = _smooth(x), _smooth(y)
    var_x, var_y = _smooth(x * x) - mean_x**2, _smooth(y * y) - mean_y**2
    covariance = _smooth(x * y) - mean_x * mean_y
    light = (2 * mean_x * mean_y + _STABLE[0]) / (mean_x**2 + mean_y**2 + _STABLE[0])
    structure = (2 * covariance + _STABLE[1]) / (var_x + var_y + _STABLE[1])
    places = _inner(light * structure)
    values: Doubles = places.mean((1, 2)) if weights is None else _weighted(places, weights)
    return values


def _gaussian(features: Numbers) -> tuple[Doubles, Doubles]:
    """Return the mean ``[D]`` and a matrix R with ``R^T R`` the covariance."""
    mean = features.mean(0, dtype=np.float64)
    root = np.zeros((0, features.shape[1]))
    for start in range(0, len(features), _ROWS):
        centred = features[start : start + _ROWS] - mean
        root = np.asarray(np.linalg.qr(np.concatenate([root, centred]), mode="r"))
    return mean, root / np.sqrt(len(features) - 1)


def _blocks(features: Numbers, size: int) -> Iterator[Doubles]:
    order = np.random.default_rng(0).permutation(len(features))
    for start in range(0, len(features) - size + 1, size):
        yield features[order[start : start + size]].astype(np.float64)


def _discrepancy(x: Doubles, y: Doubles) -> float:
    """Return the unbiased estimate of the squared MMD of two sets of one size."""
    size, dimensions = x.shape
    xx, yy, xy = ((a @ b.T / dimensions + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within = xx.sum() - xx.trace() + yy.sum() - yy.trace()
    return float(within / (size * (size - 1)) - 2 * xy.mean())


def _smooth(images: Doubles) -> Doubles:
    places = np.arange(_WINDOW) - _WINDOW // 2
    window = np.exp(-(places**2) / (2 * _DEVIATION**2))
    window /= window.sum()
    rows = correlate1d(images, window, axis=1, mode="reflect")
    smoothed: Doubles = correlate1d(rows, window, axis=2, mode="reflect")
    return smoothed


def _inner(maps: Doubles) -> Doubles:
    top, left = (min(_WINDOW // 2, (side - 1) // 2) for side in maps.shape[1:])
    return maps[:, top : maps.shape[1] - top, left : maps.shape[2] - left]


def _weighted(places: Doubles, weights: Numbers) -> Doubles:
    counted = _inner(weights.astype(np.float64))
    with np.errstate(invalid="ignore"):
        mean: Doubles = (places * counted).sum((1, 2)) / counted.sum((1, 2))
    return mean


def _refuse_few(first: Numbers, second: Numbers) -> None:
    if min(len(first), len(second)) < 2:
        raise ReidbenchError(
            f"the distance of two sets of images needs two of each, not {len(first)} and "
            f"{len(second)}"
        )
