"""Made features of the size and labels of the public test sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reidbench.evaluation import Features

DIMENSIONS = 2048
NOISE = (2.0, 5.0)
"""Standard deviation of an image around its person, drawn for each image: mAP is about 0.7."""


@dataclass(frozen=True)
class Size:
    """Counts of a test set; gallery images are of queried persons, of nobody, or junk."""

    queries: int
    true: int
    distractors: int
    junk: int
    persons: int
    cameras: int

    def share(self, share: float) -> Size:
        """Return the same with a share of the images and persons."""
        counts = (self.queries, self.true, self.distractors, self.junk, self.persons)
        return Size(*(round(n * share) for n in counts), self.cameras)


MARKET1501 = Size(3_368, 13_115, 2_798, 3_819, 750, 6)
MSMT17 = Size(11_659, 82_161, 0, 0, 3_060, 15)


def made(size: Size, seed: int = 0) -> tuple[Features, Features]:
    """Return query and gallery; making them takes no more memory than they do."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((size.persons, DIMENSIONS), np.float32)
    nobody = np.repeat([0, -1], [size.distractors, size.junk])
    gallery = np.concatenate([rng.integers(1, size.persons + 1, size.true), nobody])
    query = rng.integers(1, size.persons + 1, size.queries)
    return (
        _images(rng, query, centres, size.cameras),
        _images(rng, rng.permutation(gallery), centres, size.cameras),
    )


def without_junk(gallery: Features) -> Features:
    """Return the gallery as the peers' readers load it."""
    kept = gallery.pids != -1
    if kept.all():
        return gallery
    return Features(gallery.features[kept], gallery.pids[kept], gallery.cams[kept])


def _images(
    rng: np.random.Generator, pids: np.ndarray, centres: np.ndarray, cameras: int
) -> Features:
    features = np.empty((len(pids), DIMENSIONS), np.float32)
    rng.standard_normal(out=features, dtype=np.float32)
    for feature, pid, noise in zip(features, pids, rng.uniform(*NOISE, len(pids)), strict=True):
        feature *= noise
        if pid > 0:
            feature += centres[pid - 1]
    return Features(features, pids, rng.integers(0, cameras, len(pids)))
