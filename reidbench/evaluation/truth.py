"""Errors of translated images against the true ones, on the person and on the background apart.

The truth is known where domains are rendered: the same person in the same pose, as the other
domain's camera sees them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.evaluation.generation import ssim
from reidbench.storage.keys import JSON

Doubles = NDArray[np.float64]
Pixels = NDArray[np.uint8]
Rows = NDArray[np.int64]

_BATCH = 32  # images at a time, to save memory

# IEC 61966-2-1: linear sRGB to XYZ, each row divided by the white point D65 of the matrix.
_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_XYZ /= _XYZ.sum(1, keepdims=True)


@dataclass(frozen=True)
class RegionErrors:
    """Errors on the person, or on the background, image by image.

    Attributes:
        squared: ``[N]`` mean squared error over the pixels and channels, in squared levels of 255;
            not a number where the region is empty.
        similarity: ``[N]`` SSIM.
    """

    squared: Doubles
    similarity: Doubles

    def to_dict(self) -> dict[str, JSON]:
        """Return the root mean square error in levels of 255, the PSNR of that, and mean SSIM.

        ``psnr`` is ``20 log10(255 / rmse)`` in decibels, and None where nothing differs.
        """
        rmse = float(np.sqrt(np.nanmean(self.squared)))
        decibels = float(20 * np.log10(255 / rmse)) if rmse else None
        return {"rmse": rmse, "psnr": decibels, "ssim": float(np.nanmean(self.similarity))}


@dataclass(frozen=True)
class TruthErrors:
    """Errors of images against the truth.

    Attributes:
        person: by the truth's person mask, each pixel by how much of it shows the person.
        background: by what that mask leaves.
        colour: ``[N]`` see ``colour_error``.
    """

    person: RegionErrors
    background: RegionErrors
    colour: Doubles

    def to_dict(self) -> dict[str, JSON]:
        """Return the means over the images, ready for JSON."""
        return {
            "person": self.person.to_dict(),
            "background": self.background.to_dict(),
            "colour": float(np.nanmean(self.colour)),
        }


def truth_errors(images: Pixels, truths: Pixels, masks: Pixels) -> TruthErrors:
    """Return the errors of images ``[N, H, W, 3]`` against their truths.

    Args:
        images: uint8 RGB.
        truths: the same shape.
        masks: ``[N, H, W]`` uint8, 255 where a pixel of the truth shows the person.
    """
    parts = [slice(i, i + _BATCH) for i in range(0, len(images), _BATCH)]
    rows = [_errors(images[p], truths[p], masks[p] / 255.0) for p in parts]
    columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
    return TruthErrors(RegionErrors(*columns[:2]), RegionErrors(*columns[2:4]), columns[4])


def nearest(images: Pixels, truths: Pixels) -> Rows:
    """Return which of several truths each image is nearest to, by mean squared error, ``[N]``.

    Args:
        images: ``[N, H, W, 3]`` uint8.
        truths: ``[N, K, H, W, 3]`` uint8, e.g. one for each camera.
    """
    everywhere = np.ones(images.shape[:3])
    apart = [squared_error(images, truths[:, k], everywhere) for k in range(truths.shape[1])]
    closest: Rows = np.argmin(apart, axis=0).astype(np.int64)
    return closest


def squared_error(first: Pixels, second: Pixels, weights: Doubles) -> Doubles:
    """Return the weighted mean squared difference ``[N]`` of images, in squared levels of 255.

    ``sum(w (a - b)^2) / (3 sum(w))`` over the pixels and the three channels, for ``weights``
    ``[N, H, W]``; not a number where they add up to nothing.
    """
    squares = np.square(first.astype(np.float64) - second).sum(3)
    with np.errstate(invalid="ignore"):
        mean: Doubles = (weights * squares).sum((1, 2)) / (3 * weights.sum((1, 2)))
    return mean


def colour_error(images: Pixels, truths: Pixels, masks: Doubles) -> Doubles:
    """Return how far the colours of persons are from the true ones, ``[N]``.

    The person is cut in an upper and a lower half at the row where half of the mask's weight is
    above. Of each half the mean sRGB colour, weighted by the mask, is taken in image and truth,
    both by the truth's mask; the error is the distance of the two in CIE L*a*b* (D65; about 2.3
    is just noticeable), and of an image the mean of its halves.

    Args:
        images: ``[N, H, W, 3]`` uint8 sRGB.
        truths: the same shape.
        masks: ``[N, H, W]`` in [0, 1], how much of a pixel of the truth shows the person.
    """
    rows = masks.sum(2)
    above = np.cumsum(rows, 1) - rows / 2
    upper = (above < rows.sum(1, keepdims=True) / 2)[..., None]
    halves = [
        np.linalg.norm(_mean_lab(images, part) - _mean_lab(truths, part), axis=1)
        for part in (masks * upper, masks * ~upper)
    ]
    error: Doubles = np.mean(halves, axis=0)
    return error


def lab(srgb: Doubles) -> Doubles:
    """Return CIE L*a*b* under D65 of sRGB colours ``[..., 3]`` in [0, 1]."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _XYZ.T
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def _errors(images: Pixels, truths: Pixels, masks: Doubles) -> list[Doubles]:
    found = []
    for weights in (masks, 1 - masks):
        found += [squared_error(images, truths, weights), ssim(images, truths, weights)]
    return [*found, colour_error(images, truths, masks)]


def _mean_lab(images: Pixels, weights: Doubles) -> Doubles:
    total = (images * weights[..., None]).sum((1, 2))
    with np.errstate(invalid="ignore"):
        mean = total / weights.sum((1, 2))[:, None] / 255
    return lab(mean)
