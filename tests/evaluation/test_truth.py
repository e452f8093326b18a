"""Errors against the truth, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from reidbench.evaluation.generation import ssim
from reidbench.evaluation.truth import colour_error, lab, nearest, squared_error, truth_errors


def plain(*colours: object, height: int = 16, width: int = 12) -> np.ndarray:
    """Return images of one colour each."""
    images = np.empty((len(colours), height, width, 3), np.uint8)
    for image, colour in zip(images, colours, strict=True):
        image[:] = colour
    return images


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 12, 3), np.uint8)


def left_half(count: int) -> np.ndarray:
    masks = np.zeros((count, 16, 12), np.uint8)
    masks[:, :, :6] = 255
    return masks


def test_each_region_has_its_own_error() -> None:
    truths = plain(100, 100)
    images = truths.copy()
    images[0, :, :6] += 6  # the person of one, the background of the other
    images[1, :, 6:] += 8
    found = truth_errors(images, truths, left_half(2))
    assert found.person.squared == pytest.approx([36, 0])
    assert found.background.squared == pytest.approx([0, 64])
    person = found.to_dict()["person"]
    assert person["rmse"] == pytest.approx(18**0.5)  # the root of the mean over images
    assert person["psnr"] == pytest.approx(10 * np.log10(255**2 / 18))
    assert found.to_dict()["background"]["rmse"] == pytest.approx(32**0.5)


def test_a_pixel_counts_as_much_as_it_shows() -> None:
    first, second = plain(10, height=1, width=2), plain(10, height=1, width=2)
    second[0, 0, 0] = (13, 10, 10)
    second[0, 0, 1] = (10, 10, 16)
    weights = np.array([[[1.0, 0.25]]])
    assert squared_error(first, second, weights) == pytest.approx([(9 + 0.25 * 36) / (3 * 1.25)])


def test_the_truth_itself_has_no_error() -> None:
    truths = noise(2)
    found = truth_errors(truths, truths, left_half(2)).to_dict()
    exact = {"rmse": 0.0, "psnr": None, "ssim": 1.0}
    assert found["person"] == pytest.approx(exact)
    assert found["background"] == pytest.approx(exact)
    assert found["colour"] == 0


def test_an_empty_region_is_left_out_of_the_mean() -> None:
    truths, masks = plain(100, 100), left_half(2)
    masks[1] = 0
    found = truth_errors(truths + np.uint8(3), truths, masks).to_dict()
    assert found["person"]["rmse"] == pytest.approx(3)
    assert found["person"]["ssim"] == pytest.approx(
        truth_errors(truths[:1] + np.uint8(3), truths[:1], masks[:1]).to_dict()["person"]["ssim"]
    )
    assert np.isfinite(found["colour"])


def test_similarity_is_weighed_by_the_region() -> None:
    truths, images = noise(3), noise(3)
    images[:, :, 6:] = noise(3, seed=1)[:, :, 6:]
    found = truth_errors(images, truths, left_half(3))
    assert (found.person.similarity > found.background.similarity).all()
    even = np.full(truths.shape[:3], 0.3)
    assert ssim(images, truths, even) == pytest.approx(ssim(images, truths))
    spot = np.zeros(truths.shape[:3])
    spot[:, 5, 5] = 2  # the first place where the window of 11 fits in
    alone = ssim(images[:, :11, :11], truths[:, :11, :11])
    assert ssim(images, truths, spot) == pytest.approx(alone)


def test_many_images_are_measured_as_few() -> None:
    truths, images = noise(70), noise(70, seed=1)
    masks = np.random.default_rng(2).integers(0, 256, (70, 16, 12), np.uint8)
    found = truth_errors(images, truths, masks)
    last = truth_errors(images[69:], truths[69:], masks[69:])
    assert found.person.squared[69] == pytest.approx(last.person.squared[0])
    assert found.colour[69] == pytest.approx(last.colour[0])


def test_the_nearest_truth_is_that_of_the_least_error() -> None:
    images = plain(100, 200)
    truths = np.stack([plain(90, 90), plain(115, 190)], 1)
    assert nearest(images, truths).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((1, 1, 1), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (53.24, 80.09, 67.20)),  # the published values of the primaries
        ((0, 1, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 1), (32.30, 79.19, -107.86)),
        ((0.02, 0.02, 0.02), (1.40, 0, 0)),
    ],
)
def test_lab(rgb: tuple[float, ...], expected: tuple[float, ...]) -> None:
    assert lab(np.array(rgb, float)) == pytest.approx(np.array(expected), abs=0.02)


def test_colours_are_compared_by_upper_and_lower_body() -> None:
    truths = plain((255, 0, 0), height=8, width=4)
    truths[:, 4:] = (0, 0, 255)
    images = truths.copy()
    images[:, 4:] = (0, 255, 0)
    masks = np.ones((1, 8, 4))
    blue, green = lab(np.array([(0.0, 0, 1), (0.0, 1, 0)]))
    assert colour_error(images, truths, masks) == pytest.approx([np.linalg.norm(blue - green) / 2])
    swapped = images[:, ::-1]
    assert colour_error(swapped, truths, masks)[0] > 100  # as a mean over both it would be less


def test_a_person_is_cut_where_half_of_the_mask_is_above() -> None:
    truths = plain(100, height=8, width=4)
    images = truths.copy()
    images[:, 5] = 200
    masks = np.zeros((1, 8, 4))
    masks[:, 4:6] = 1  # row 4 is the upper half, row 5 the lower
    grey = lab(np.array([[100.0] * 3, [200.0] * 3]) / 255)
    expected = np.linalg.norm(grey[0] - grey[1]) / 2
    assert colour_error(images, truths, masks) == pytest.approx([expected])


def test_pixels_beside_the_person_do_not_count_as_its_colours() -> None:
    truths, images = noise(1), noise(1)
    images[:, :, 6:] = 0
    assert colour_error(images, truths, left_half(1) / 255.0) == pytest.approx([0])
