import numpy as np
import pytest

from reidbench.data.arrays import ImageArray, TargetViews
from reidbench.testing.fixtures import loop, persons, seeded


@pytest.fixture
def target(persons: ImageArray) -> TargetViews:
    """Return half of the images, as of unknown persons, in the tints of three cameras."""
    rows = np.arange(0, len(persons), 2)
    cams = rows // 2 % 3
    tints = np.array([[0, 0, 0], [60, -40, 0], [-50, 0, 70]])

    def seen_by(camera: np.ndarray) -> np.ndarray:
        moved = persons.pixels[rows].astype(np.int64) + tints[camera][:, None, None]
        return np.clip(moved, 0, 255).astype(np.uint8)

    images = ImageArray(seen_by(cams), persons.pids[rows], cams).unlabelled()
    views = np.concatenate([seen_by(np.full(len(rows), camera)) for camera in range(3)])
    return TargetViews(images, ImageArray(views, np.tile(images.pids, 3), np.tile(cams, 3)))
