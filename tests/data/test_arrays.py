from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reidbench.data import arrays
from reidbench.data.arrays import (
    ImageArray,
    TargetViews,
    paired_rows,
    person_rows,
    shuffled_rows,
    to_uint8,
)
from reidbench.interfaces import UNLABELLED

CPU = torch.device("cpu")


def make_array(masks: bool = False) -> ImageArray:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(4, 8, 8, 3)
    person = np.full((4, 8, 8), 255, np.uint8) if masks else None
    return ImageArray(pixels, np.array([7, 3, 7, 900]), np.array([0, 1, 1, 0]), person)


@given(
    count=st.integers(1, 40),
    batch=st.integers(1, 100),
    passes=st.integers(1, 3),
    seed=st.integers(0, 5),
)
def test_each_pass_holds_every_row_once(count: int, batch: int, passes: int, seed: int) -> None:
    steps = -(-count * passes // batch)
    rows = np.concatenate([shuffled_rows(count, batch, s, seed, "source") for s in range(steps)])
    assert len(rows) == steps * batch
    for start in range(0, count * passes, count):
        assert sorted(rows[start : start + count].tolist()) == list(range(count))


def test_rows_are_a_function_of_the_arguments_alone() -> None:
    forward = [shuffled_rows(30, 8, s, 1, "source").tolist() for s in range(9)]
    backward = [shuffled_rows(30, 8, s, 1, "source").tolist() for s in reversed(range(9))]
    assert forward == backward[::-1]


def test_passes_seeds_and_axes_are_shuffled_differently() -> None:
    orders = [shuffled_rows(30, 30, s, 0, "source").tolist() for s in range(2)]
    orders += [shuffled_rows(30, 30, 0, 1, "source").tolist()]
    orders += [shuffled_rows(30, 30, 0, 0, "target").tolist()]
    assert len({tuple(o) for o in orders}) == 4
    assert list(range(30)) not in orders


PIDS = np.repeat(np.arange(6), 3)


@pytest.mark.parametrize("batch", [2, 4, 6, 10])
def test_pairs_are_of_one_person_and_of_two_in_turns(batch: int) -> None:
    rows = np.concatenate([paired_rows(PIDS, batch, s, 0, "source") for s in range(6)])
    first, second = rows.reshape(-1, 2).T
    assert np.all(first != second)
    same = PIDS[first] == PIDS[second]
    assert same.tolist() == [k % 2 == 0 for k in range(len(same))]


def test_anchors_of_pairs_cover_every_row() -> None:
    rows = np.concatenate([paired_rows(PIDS, 6, s, 0, "source") for s in range(6)])
    assert sorted(rows[::2].tolist()) == list(range(18))


def test_pairs_are_a_function_of_the_step() -> None:
    once, again, next_ = (paired_rows(PIDS, 6, s, 0, "source").tolist() for s in (4, 4, 5))
    assert once == again != next_


def test_the_only_image_of_a_person_is_paired_with_itself() -> None:
    rows = paired_rows(np.arange(4), 2, 0, 0, "source")
    assert rows[0] == rows[1]


def test_rows_of_persons_stand_beside_each_other_and_differ() -> None:
    pids = np.repeat([3, 5, 9, 11], 6)[np.random.default_rng(0).permutation(24)]
    seen: list[int] = []
    for step in range(4):
        rows = person_rows(pids, 2, 3, step, 0, "learner")
        persons = pids[rows].reshape(2, 3)
        assert (persons == persons[:, :1]).all()
        assert len(set(rows.tolist())) == 6
        seen += persons[:, 0].tolist()
    assert sorted(seen[:4]) == sorted(seen[4:]) == [3, 5, 9, 11]


def test_rows_of_persons_are_a_function_of_the_arguments_alone() -> None:
    pids = np.repeat(np.arange(5), 4)
    drawn = [person_rows(pids, 3, 2, *rest).tolist() for rest in ((7, 0, "a"),) * 2]
    assert drawn[0] == drawn[1]
    others = [person_rows(pids, 3, 2, *r).tolist() for r in ((8, 0, "a"), (7, 1, "a"), (7, 0, "b"))]
    assert drawn[0] not in others


def test_images_of_a_person_with_too_few_come_again() -> None:
    assert person_rows(np.array([4]), 1, 3, 0, 0, "a").tolist() == [0, 0, 0]


def test_an_image_of_the_target_stands_beside_its_views_in_every_camera() -> None:
    cams, unknown = np.array([0, 1, 0]), np.full(3, UNLABELLED)
    real = ImageArray(np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1), unknown, cams)
    shown = np.array([10, 11, 12, 20, 21, 22], dtype=np.uint8).reshape(6, 1, 1, 1)
    target = TargetViews(real, ImageArray(shown, np.tile(unknown, 2), np.tile(cams, 2)))
    group = target.groups(np.array([2, 1]))
    assert len(target) == 3
    assert group.pixels.flatten().tolist() == [2, 1, 12, 11, 22, 21]
    assert group.pids.tolist() == [2, 1] * 3
    assert group.cams.tolist() == [0, 1, 0, 0, 1, 1]
    assert group.fake is not None
    assert group.fake.tolist() == [False] * 2 + [True] * 4


def test_eight_bits_go_to_the_network_and_back() -> None:
    array = make_array()
    batch = array.images(np.arange(4), CPU)
    assert batch.pixels.shape == (4, 3, 8, 8)
    assert batch.pixels.min() == -1
    assert batch.pixels.max() == 1
    assert batch.pixels.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(to_uint8(batch.pixels), array.pixels)


def test_what_lies_outside_the_range_is_clipped_and_the_rest_rounded() -> None:
    pixels = torch.tensor([-2.0, -1, -1 + 0.49 / 127.5, -1 + 0.51 / 127.5, 1, 3])
    levels = to_uint8(pixels.expand(1, 3, 1, 6))
    assert levels[0, 0, :, 0].tolist() == [0, 0, 0, 1, 255, 255]


def test_a_batch_holds_the_rows_asked_for() -> None:
    batch = make_array(masks=True).images(np.array([3, 1]), CPU)
    assert batch.pid.tolist() == [900, 3]
    assert batch.cam.tolist() == [0, 1]
    assert batch.mask is not None
    assert batch.mask.shape == (2, 1, 8, 8)
    assert batch.mask.eq(1).all()


def test_unlabelled_images_keep_their_pixels_and_cameras_only() -> None:
    array = make_array(masks=True)
    bare = array.unlabelled()
    assert set(bare.pids.tolist()) == {UNLABELLED}
    assert bare.pixels is array.pixels
    assert bare.cams is array.cams
    assert not bare.images(np.arange(4), CPU).labelled
    assert array.images(np.arange(4), CPU).labelled


def test_classes_number_the_persons_from_zero() -> None:
    array = make_array().classes()
    assert array.pids.tolist() == [1, 0, 1, 2]
    assert array.num_pids == 3


def test_arrays_are_mapped_from_disk_not_read(tmp_path: Path) -> None:
    array = make_array(masks=True)
    for name in ("pixels", "pids", "cams", "masks"):
        np.save(tmp_path / f"{name}.npy", getattr(array, name))
    opened = ImageArray.open(tmp_path)
    assert isinstance(opened.pixels, np.memmap)
    assert isinstance(opened.masks, np.memmap)
    np.testing.assert_array_equal(opened.pixels, array.pixels)
    (tmp_path / "masks.npy").unlink()
    assert ImageArray.open(tmp_path).masks is None


@pytest.mark.parametrize("masks", [True, False])
def test_images_that_are_kept_on_a_device_are_the_same(
    monkeypatch: pytest.MonkeyPatch, masks: bool
) -> None:
    rng = np.random.default_rng(0)
    kept = rng.integers(0, 256, (6, 4, 3), np.uint8) if masks else None
    pixels = rng.integers(0, 256, (6, 4, 3, 3), np.uint8)
    array = ImageArray(pixels, np.arange(6), np.arange(6), kept)
    device, rows = torch.device("cpu"), np.array([4, 0, 4])
    assert array.on(device).resident is None
    monkeypatch.setattr(arrays, "_PART", 4)
    size = pixels.nbytes + (0 if kept is None else kept.nbytes)
    for free, fits in ((4 * size, True), (4 * size - 1, False)):
        monkeypatch.setattr(arrays, "_free_memory", lambda _, free=free: free)
        there = array.on(device)
        assert (there.resident is not None) is fits
        made, expected = there.images(rows, device), array.images(rows, device)
        assert torch.equal(made.pixels, expected.pixels)
        assert made.pixels.is_contiguous(memory_format=torch.channels_last)
        assert kept is None or torch.equal(made.mask, expected.mask)
