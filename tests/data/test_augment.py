from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from reidbench.data.augment import (
    ATTEMPTS,
    IMAGENET_MEAN,
    Augmentation,
    Erasing,
    _cropped,
    _cropped_together,
)
from reidbench.interfaces import Images

ROWS, HEIGHT, WIDTH = 64, 12, 6


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def batch(pixels: Tensor, mask: Tensor | None = None) -> Images:
    rows = torch.arange(len(pixels))
    return Images(pixels, rows, rows % 3, mask)


def noise(rows: int = ROWS) -> Tensor:
    return torch.rand(rows, 3, HEIGHT, WIDTH, generator=seeded(9)) * 2 - 1


OFF = Augmentation(flip=False)
EVERY = [
    OFF,
    Augmentation(),
    Augmentation(enlarge=1.25),
    Augmentation(flip=False, pad=2),
    Augmentation(enlarge=1.125, pad=3),
    Augmentation(pad=2, padding="black"),
]


def test_nothing_changes_when_all_is_off() -> None:
    images = batch(noise(), torch.rand(ROWS, 1, HEIGHT, WIDTH))
    out = OFF(images, seeded())
    assert torch.equal(out.pixels, images.pixels)
    assert out.mask is not None
    assert torch.equal(out.mask, images.mask)  # type: ignore[arg-type]


@pytest.mark.parametrize("augmentation", EVERY)
def test_size_range_labels_and_layout_are_kept(augmentation: Augmentation) -> None:
    mask = (torch.rand(ROWS, 1, HEIGHT, WIDTH, generator=seeded(1)) > 0.5).float()
    # Bicubic interpolation overshoots at edges between extremes.
    images = batch(noise().sign(), mask)
    out = augmentation(images, seeded())
    assert out.pixels.shape == images.pixels.shape
    assert out.pixels.is_contiguous(memory_format=torch.channels_last)
    assert out.pixels.abs().max() <= 1
    assert out.mask is not None
    assert out.mask.shape == mask.shape
    assert 0 <= out.mask.min() <= out.mask.max() <= 1
    assert torch.equal(out.pid, images.pid)
    assert torch.equal(out.cam, images.cam)


@pytest.mark.parametrize("augmentation", EVERY)
def test_masks_move_with_pixels(augmentation: Augmentation) -> None:
    shape = torch.rand(ROWS, 1, HEIGHT, WIDTH, generator=seeded(3))
    images = batch((2 * shape - 1).expand(-1, 3, -1, -1), shape)
    out = augmentation(images, seeded())
    assert out.mask is not None
    # A bicubic overshoot is clamped alike in both ranges.
    torch.testing.assert_close((out.pixels + 1) / 2, out.mask.expand(-1, 3, -1, -1))


def test_without_a_mask_there_is_none_afterwards() -> None:
    assert Augmentation(pad=2)(batch(noise()), seeded()).mask is None


@pytest.mark.parametrize("augmentation", EVERY[1:])
def test_the_generator_decides(augmentation: Augmentation) -> None:
    images = batch(noise())
    global_stream = torch.get_rng_state()
    first, again, other = (augmentation(images, seeded(s)).pixels for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), global_stream)


def test_every_row_is_flipped_or_not_by_its_own_draw() -> None:
    pixels = noise()
    out = Augmentation()(batch(pixels), seeded()).pixels
    kept = (out == pixels).flatten(1).all(1)
    flipped = (out == pixels.flip(-1)).flatten(1).all(1)
    assert torch.all(kept ^ flipped)
    assert 0.25 < flipped.float().mean() < 0.75


def test_padding_shifts_by_up_to_its_width_in_both_directions() -> None:
    rows = 256
    pixels = noise(1).expand(rows, -1, -1, -1)
    out = Augmentation(flip=False, pad=1)(batch(pixels), seeded()).pixels
    padded = torch.nn.functional.pad(pixels[:1], [1] * 4, mode="reflect")[0]
    windows = {(i, j): padded[:, i : i + HEIGHT, j : j + WIDTH] for i in range(3) for j in range(3)}
    seen = {next(k for k, w in windows.items() if torch.equal(w, row)) for row in out}
    assert seen == set(windows)


def test_enlarging_crops_from_the_larger_image() -> None:
    ramp = torch.linspace(-1, 1, WIDTH).expand(ROWS, 3, HEIGHT, WIDTH)
    out = Augmentation(flip=False, enlarge=2)(batch(ramp), seeded()).pixels
    # Half of the width is left out, so about half of the ramp's rise is seen.
    rise = out[..., -1].mean((1, 2)) - out[..., 0].mean((1, 2))
    assert torch.all((rise > 0.5) & (rise < 1.4))
    assert out[..., 0].min() < -0.9
    assert out[..., -1].max() > 0.9


def test_black_is_added_around_and_no_mask() -> None:
    rows, mask = 256, torch.ones(256, 1, HEIGHT, WIDTH)
    images = batch(noise(1).expand(rows, -1, -1, -1), mask)
    out = Augmentation(flip=False, pad=1, padding="black")(images, seeded())
    assert out.mask is not None
    padded = torch.nn.functional.pad(images.pixels[0], [1] * 4, value=-1)
    windows = {(i, j): padded[:, i : i + HEIGHT, j : j + WIDTH] for i in range(3) for j in range(3)}
    seen = {next(k for k, w in windows.items() if torch.equal(w, row)) for row in out.pixels}
    assert seen == set(windows)
    assert torch.equal(out.mask == 0, (out.pixels == -1).all(1, keepdim=True))


@pytest.mark.parametrize("augmentation", [a for a in EVERY if a.pad or a.enlarge > 1 or a.flip])
def test_draws_are_as_many_as_ever(augmentation: Augmentation) -> None:
    ours, theirs = seeded(), seeded()
    augmentation(batch(noise()), ours)
    if augmentation.flip:
        torch.rand(ROWS, generator=theirs)
    if augmentation.pad or augmentation.enlarge > 1:
        torch.rand(ROWS, 2, generator=theirs)
    assert torch.equal(torch.rand(3, generator=ours), torch.rand(3, generator=theirs))


def rectangle(
    erasing: Erasing, size: tuple[int, int], chosen: float, draws: list[list[float]]
) -> tuple[int, int, int, int] | None:
    """Return top, left, height and width by algorithm 1 of the paper, from one row's numbers."""
    height, width = size
    if chosen >= erasing.probability:
        return None
    for area, aspect, top, left in zip(*draws, strict=True):
        erased = (erasing.area[0] + (erasing.area[1] - erasing.area[0]) * area) * height * width
        ratio = erasing.aspect[0] + (erasing.aspect[1] - erasing.aspect[0]) * aspect
        h, w = round((erased * ratio) ** 0.5), round((erased / ratio) ** 0.5)
        if 1 <= h <= height and 1 <= w <= width:
            return int(top * (height - h + 1)), int(left * (width - w + 1)), h, w
    return None


@pytest.mark.parametrize("size", [(12, 6), (32, 16), (9, 40)])
@pytest.mark.parametrize(
    "erasing", [Erasing(fill="mean"), Erasing(probability=0.8, area=(0.5, 1), fill="mean")]
)
def test_rows_are_erased_as_one_by_one(erasing: Erasing, size: tuple[int, int]) -> None:
    rows = 200
    pixels = torch.rand(rows, 3, *size, generator=seeded(5)) * 2 - 1
    expected, draws = pixels.clone(), seeded()
    chosen = torch.rand(rows, generator=draws).tolist()
    numbers = torch.rand(4, rows, ATTEMPTS, generator=draws)
    places = [rectangle(erasing, size, chosen[r], numbers[:, r].tolist()) for r in range(rows)]
    mean = torch.tensor(IMAGENET_MEAN)[:, None, None] * 2 - 1
    for row, place in zip(expected, places, strict=True):
        if place is not None:
            top, left, h, w = place
            row[:, top : top + h, left : left + w] = mean
    out, where = erasing(pixels, seeded())
    # The reference counts in double precision, which may round one of many rows otherwise.
    same = (out == expected).flatten(1).all(1)
    assert same.float().mean() > 0.98
    assert torch.equal((out != pixels).any(1, keepdim=True) & ~where, torch.zeros_like(where))
    assert any(place is None for place in places)
    assert any(place is not None for place in places)


def test_rectangles_are_those_of_the_paper() -> None:
    size, rows = (64, 32), 4_000
    _, where = Erasing()(torch.zeros(rows, 3, *size), seeded())
    erased = where.flatten(1).any(1)
    assert erased.float().mean() == pytest.approx(0.5, abs=0.03)
    where = where[erased][:, 0]
    tall, wide = where.any(2).sum(1), where.any(1).sum(1)
    assert torch.equal(tall * wide, where.sum((1, 2)))  # rectangles without holes
    area, aspect = tall * wide / (64 * 32), tall / wide
    assert 0.015 < area.min() < 0.03
    assert 0.37 < area.max() < 0.42
    assert 0.25 < aspect.min() < 0.5  # round lengths
    assert 3 < aspect.max() < 4
    assert where.any(0).all()  # every place is erased in some row


def test_noise_is_of_all_levels_and_differs_everywhere() -> None:
    pixels = torch.full((ROWS, 3, 32, 16), 9.0)
    out, where = Erasing(probability=1)(pixels, seeded())
    noise = out[where.expand_as(out)]
    levels = (noise + 1) * 127.5
    torch.testing.assert_close(levels, levels.round(), atol=1e-4, rtol=0)
    assert (noise.min(), noise.max()) == (-1, 1)
    assert noise.mean() == pytest.approx(0, abs=0.03)
    assert noise.std() == pytest.approx(3**-0.5, abs=0.02)
    assert not torch.equal(out[:, 0], out[:, 1])


@pytest.mark.parametrize("fill", ["noise", "mean"])
def test_erasing_comes_last_and_hides_the_person(fill) -> None:
    mask = torch.ones(ROWS, 1, HEIGHT, WIDTH)
    before = Augmentation(pad=2)(batch(noise(), mask), seeded())
    after = Augmentation(pad=2, erasing=Erasing(fill=fill))(batch(noise(), mask), seeded())
    assert after.mask is not None
    erased = after.mask == 0
    assert 0 < erased.float().mean() < 0.3
    kept = ~erased.expand_as(after.pixels)
    assert torch.equal(after.pixels[kept], before.pixels[kept])
    assert not torch.equal(after.pixels, before.pixels)
    assert after.pixels.abs().max() <= 1
    assert after.pixels.is_contiguous(memory_format=torch.channels_last)
    again = Augmentation(pad=2, erasing=Erasing(fill=fill))(batch(noise(), mask), seeded())
    assert torch.equal(again.pixels, after.pixels)


def test_what_fits_nowhere_leaves_the_row_alone() -> None:
    erasing = Erasing(probability=1, area=(1, 1), aspect=(3, 3))
    pixels = noise()
    out, where = erasing(pixels, seeded())
    assert torch.equal(out, pixels)
    assert not where.any()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"probability": 1.1}, "probability"),
        ({"area": (-0.1, 0.4)}, "least_area"),
        ({"area": (0.5, 0.4)}, "largest_area"),
        ({"area": (0.5, 1.4)}, "largest_area"),
        ({"aspect": (0.0, 1.0)}, "least_aspect"),
        ({"aspect": (2.0, 1.0)}, "largest_aspect"),
        ({"aspect": (1.0, float("nan"))}, "largest_aspect"),
    ],
)
def test_ranges_that_are_none_are_refused(values, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Erasing(**values)


def test_rows_are_cropped_together_as_each_for_itself() -> None:
    x = torch.randn(5, 4, 9, 7).contiguous(memory_format=torch.channels_last)
    corner = torch.tensor([[0, 0], [2, 1], [1, 2], [2, 2], [0, 1]])
    together = _cropped_together(x, corner, (7, 5))
    assert torch.equal(together, _cropped(x, corner, (7, 5)))
    assert together.is_contiguous(memory_format=torch.channels_last)
