from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reidbench.data.contact_sheet import Strip, choose, write_sheet
from reidbench.data.dataset import Samples
from reidbench.errors import UsageError
from tests.noise_dataset import NATIVE, Noise


def samples(*labels: tuple[int, int]) -> Samples:
    pids, cams = np.array(labels, dtype=np.int64).reshape(-1, 2).T
    return Samples([f"{n}.png" for n in range(len(labels))], pids, cams)


MANY = samples(*((pid, cam) for pid in range(1, 21) for cam in (0, 0, 0, 0, 1, 2)))


def test_as_many_persons_as_asked_for_by_number() -> None:
    strips = choose(MANY, 5, 6, seed=0)
    numbers = [int(strip.label.removeprefix("person ")) for strip in strips]
    assert len(numbers) == 5
    assert numbers == sorted(set(numbers))
    for number, strip in zip(numbers, strips, strict=True):
        assert sorted(strip.rows) == [6 * (number - 1) + k for k in range(6)]
    assert len(choose(MANY, 99, 6, seed=0)) == 20


def test_images_are_of_as_many_cameras_as_possible_in_their_order() -> None:
    for count, cams in ((1, [0]), (3, [0, 1, 2]), (4, [0, 0, 1, 2]), (9, [0, 0, 0, 0, 1, 2])):
        for strip in choose(MANY, 20, count, seed=1):
            assert MANY.cams[strip.rows].tolist() == cams
            assert len(set(strip.rows)) == len(cams)


def test_the_seed_decides() -> None:
    first, again, other = (choose(MANY, 5, 2, seed) for seed in (0, 0, 1))
    assert first == again
    assert [strip.label for strip in first] != [strip.label for strip in other]
    assert choose(MANY, 20, 1, 0) != choose(MANY, 20, 1, 1)


def test_distractors_and_junk_have_the_last_rows() -> None:
    strips = choose(samples((0, 1), (-1, 0), (3, 0), (0, 0), (-1, 2)), 4, 4, seed=0)
    assert strips == [
        Strip("person 3", [2]),
        Strip("distractors", [3, 0]),
        Strip("junk", [1, 4]),
    ]
    assert choose(samples((0, 0)), 4, 4, seed=0) == [Strip("distractors", [0])]
    assert choose(samples(), 4, 4, seed=0) == []


def stretched(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BICUBIC))


def found(sheet: np.ndarray, image: np.ndarray) -> list[tuple[int, int]]:
    """Return every place of a sheet that shows exactly this image."""
    windows = np.lib.stride_tricks.sliding_window_view(sheet, image.shape)[:, :, 0]
    corners = np.argwhere((windows[:, :, 0, 0] == image[0, 0]).all(-1))
    return [(y, x) for y, x in corners.tolist() if np.array_equal(windows[y, x], image)]


def test_every_image_and_mask_is_on_the_sheet(tmp_path: Path) -> None:
    dataset, size = Noise(9), (24, 12)
    strips = [Strip("person 1", [2, 3]), Strip("person 2", [4])]
    write_sheet(tmp_path / "x.png", dataset, "train", strips, size, masks=True)
    sheet = np.asarray(Image.open(tmp_path / "x.png"))
    places = {}
    for row in (2, 3, 4):
        ((y, x),) = found(sheet, stretched(dataset.read("train", row), size))
        mask = stretched(dataset.read_mask("train", row), size)
        ((below, same),) = found(sheet, np.stack([mask] * 3, -1))
        assert same == x
        assert below >= y + 24
        places[row] = y, x
    assert places[2][0] == places[3][0] < places[4][0]
    assert places[2][1] == places[4][1] < places[3][1]


def test_rows_and_images_are_labelled(tmp_path: Path) -> None:
    sheets = []
    for label, row in (("person 1", 2), ("person 7", 2), ("person 1", 3)):
        dataset = Noise(9)
        dataset.read = lambda split, index: np.zeros((*NATIVE, 3), np.uint8)  # type: ignore[method-assign]
        write_sheet(tmp_path / "x.png", dataset, "train", [Strip(label, [row])], (24, 12))
        sheets.append(np.asarray(Image.open(tmp_path / "x.png")).tobytes())
    assert len(set(sheets)) == 3  # another person, and another camera


def test_a_sheet_that_is_too_large_is_refused(tmp_path: Path) -> None:
    strips = [Strip("person 1", [0] * 50)] * 200
    with pytest.raises(UsageError, match="show fewer persons or images"):
        write_sheet(tmp_path / "x.png", Noise(9), "train", strips, (128, 64))
    assert not (tmp_path / "x.png").exists()
