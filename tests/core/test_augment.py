from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from reidbench.augment import Augmentation
from reidbench.hops import Images

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
