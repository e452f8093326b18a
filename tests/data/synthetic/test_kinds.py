"""What each domain differs in from the first, and that it differs in nothing else."""

from dataclasses import fields

import numpy as np
import pytest
from scipy import ndimage

from reidbench.data.synthetic import Synthetic
from reidbench.data.synthetic.looks import DOMAINS, FRAME, KINDS, ORIGIN, Look, camera_look
from reidbench.data.synthetic.optics import pixel_grid, scene_to_picture

ALL = {"colour", "place", "viewpoint"}
DIFFER_IN = {
    "a": set(), "b": ALL, "c": ALL, "d": ALL, "cold": {"colour"}, "warm": {"colour"},
    "garden": {"place"}, "low": {"viewpoint"}, "high": {"viewpoint"},
}  # fmt: skip
SMALL = {"ids": 20, "cameras": 2, "images_per_camera": 2, "height": 64, "width": 32}


def _kinds_moved(here: Look, there: Look) -> set[str]:
    fields_of = KINDS.items()
    return {
        k for k, names in fields_of if any(getattr(here, n) != getattr(there, n) for n in names)
    }


def test_every_number_of_a_look_is_of_one_kind() -> None:
    assert sorted(n for names in KINDS.values() for n in names) == sorted(
        field.name for field in fields(Look)
    )


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_differs_in_its_kinds_only(domain: str) -> None:
    assert _kinds_moved(ORIGIN, DOMAINS[domain]) == DIFFER_IN[domain]
    for camera in range(4):
        here, there = (camera_look(0, domain, camera, gap, 2.0) for gap in (0.0, 1.0))
        assert _kinds_moved(here, there) == DIFFER_IN[domain]


def _pair(domain: str, **change: object) -> tuple[Synthetic, Synthetic]:
    """Return the same persons at the same moments, without and with the domain's gap."""
    straight, moved = (Synthetic(**{**SMALL, **change}, domain=domain, gap=g) for g in (0.0, 1.0))
    return straight, moved


@pytest.mark.parametrize("domain", ["cold", "warm", "garden"])
def test_nothing_moves_where_the_viewpoint_does_not(domain: str) -> None:
    straight, moved = _pair(domain, camera_gap=3.0)
    for index in range(0, 40, 7):
        assert (straight.read_mask("train", index) == moved.read_mask("train", index)).all()
        assert (straight.read("train", index) != moved.read("train", index)).mean() > 0.2
    assert (straight.viewpoint(1) == moved.viewpoint(1)).all()


def test_another_place_leaves_the_person_as_they_were() -> None:
    straight, moved = _pair("garden", height=128, width=64)
    for index in range(0, 40, 7):
        images = [d.read("train", index).astype(int) for d in (straight, moved)]
        inside = ndimage.binary_erosion(straight.read_mask("train", index) == 255, iterations=4)
        assert inside.sum() > 50
        assert (images[0] == images[1])[inside].all()
        assert np.abs(images[0] - images[1])[straight.read_mask("train", index) == 0].mean() > 10


def _warped(plane: np.ndarray, homography: np.ndarray) -> np.ndarray:
    """Return ``[H, W]`` moved by a homography of [-1, 1] coordinates, -1 where it shows nothing."""
    height, width = plane.shape
    y, x = np.meshgrid(
        (np.arange(height) + 0.5) * 2 / height - 1, (np.arange(width) + 0.5) * 2 / width - 1,
        indexing="ij",
    )  # fmt: skip
    u, v, w = np.linalg.inv(homography) @ np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
    rows, columns = (v / w + 1) * height / 2 - 0.5, (u / w + 1) * width / 2 - 0.5
    found = ndimage.map_coordinates(plane.astype(float), [rows, columns], order=1, cval=-1)
    return found.reshape(height, width)


@pytest.mark.parametrize("domain", ["low", "high"])
@pytest.mark.parametrize("camera_gap", [0.0, 2.0])
def test_a_viewpoint_gap_is_the_homography_it_says(domain: str, camera_gap: float) -> None:
    """The picture taken straight on, warped by it, is the picture: mask, colours and place."""
    straight, moved = _pair(domain, camera_gap=camera_gap, height=256, width=128)
    warped_off, left_off = [], []
    for index in range(0, 40, 5):
        camera = straight.samples("train").cams[index]
        change = moved.viewpoint(camera) @ np.linalg.inv(straight.viewpoint(camera))
        before, after = (_layers(dataset, index) for dataset in (straight, moved))
        warped = np.stack([_warped(plane, change) for plane in before])
        known = warped[0] >= 0
        flipped = (warped[0] > 127) != (after[0] > 127)
        assert flipped[known].mean() < 0.003  # where an outline passes through a pixel
        assert ((before[0] > 127) != (after[0] > 127))[known].mean() > 0.03
        warped_off.append(np.abs(warped - after)[1:, known].mean())
        left_off.append(np.abs(before - after)[1:, known].mean())
    assert np.mean(warped_off) < 0.2 * np.mean(left_off)


def _layers(dataset: Synthetic, index: int) -> np.ndarray:
    """Return mask and colours, ``[4, H, W]``."""
    colours = dataset.read("train", index).transpose(2, 0, 1)
    return np.stack([dataset.read_mask("train", index), *colours]).astype(float)


@pytest.mark.parametrize("gap", [0.3, 1.0, 1.5])
def test_head_and_feet_stay_where_they_are_and_proportions_change(gap: float) -> None:
    def seen(domain: str, y: float) -> np.ndarray:
        dataset = Synthetic(**SMALL, domain=domain, gap=gap, camera_gap=0.0)
        x, y, w = dataset.viewpoint(0) @ (0.2, y, 1.0)
        return np.array([x, y]) / w

    for domain in ("low", "high"):
        assert seen(domain, -FRAME)[1] == pytest.approx(-FRAME)
        assert seen(domain, FRAME)[1] == pytest.approx(FRAME)
    # From above heads are near and the hips low in the picture; from below it is the reverse.
    assert seen("high", -FRAME)[0] > 0.2 > seen("high", FRAME)[0]
    assert seen("low", -FRAME)[0] < 0.2 < seen("low", FRAME)[0]
    assert seen("high", 0.0)[1] > 0 > seen("low", 0.0)[1]


def _statistics(domain: str) -> np.ndarray:
    """Return mean and standard deviation of each channel, on persons and beside them."""
    few = {"ids": 200, "images_per_camera": 2, "height": 32, "width": 16}
    dataset = Synthetic(**few, domain=domain, camera_gap=0.0)
    rows = range(0, 600, 6)
    images = np.stack([dataset.read("train", i) for i in rows])
    masks = np.stack([dataset.read_mask("train", i) for i in rows])
    parts = images[masks > 250], images[masks < 5]
    return np.stack(
        [part.std(0) if moment else part.mean(0) for part in parts for moment in (0, 1)]
    )


def test_viewpoints_share_their_colours() -> None:
    """Other persons and other places, yet the same palette; not so where colour differs."""
    reference = _statistics("a")
    for domain in ("low", "high"):
        assert np.abs(_statistics(domain) - reference).max() < 15
    assert np.abs(_statistics("cold") - reference).max() > 40


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_homography_undoes_the_grid(domain: str) -> None:
    """Each pixel's scene point, sent through the homography, comes back to the pixel."""
    for camera in range(3):
        look = camera_look(1, domain, camera, 1.5, 4.0)
        u, v = pixel_grid(40, 24, look)
        x, y, w = np.array(scene_to_picture(look)) @ np.stack([u, v, np.ones_like(u)]).reshape(
            3, -1
        )
        assert w.min() > 0
        columns, rows = x / w * 20 + 11.5, y / w * 20 + 19.5
        assert np.allclose(columns.reshape(40, 24), np.arange(24)[None], atol=1e-3)
        assert np.allclose(rows.reshape(40, 24), np.arange(40)[:, None], atol=1e-3)


def test_viewpoint() -> None:
    assert (Synthetic(**SMALL, camera_gap=0.0).viewpoint(0) == np.eye(3)).all()
    matrix = Synthetic(**SMALL, domain="high").viewpoint(1)
    assert matrix.shape == (3, 3)
    assert matrix.dtype == np.float64
    assert (matrix != Synthetic(**SMALL, domain="high").viewpoint(0)).any()
    for camera in (-1, 2):
        with pytest.raises(IndexError, match=f"2 cameras, no number {camera}"):
            Synthetic(**SMALL).viewpoint(camera)
