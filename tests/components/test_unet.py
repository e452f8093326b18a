from __future__ import annotations

import copy
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import nn

from reidbench.components.segmenters.unet import UNetSegmenter, jittered
from reidbench.data.arrays import ImageArray
from reidbench.engine.streams import generator, stream
from reidbench.errors import ReidbenchError
from reidbench.evaluation.overlap import overlap
from reidbench.nn.unet import UNet
from reidbench.testing.learners import KilledError, cpu_loop
from tests.components.made import CPU, rendered

SIZE = (32, 16)
SMALL = {"width": 8, "depth": 3, "batch": 8}


def masks_of(segmenter: UNetSegmenter, model: nn.Module, data: ImageArray) -> np.ndarray:
    with torch.no_grad():
        pixels = data.images(np.arange(len(data)), CPU.device).pixels
        made = segmenter.masks(model.eval(), pixels).squeeze(1)
    return (made * 255).round().byte().numpy()


@pytest.mark.parametrize("size", [(64, 32), (128, 64), (256, 128), (50, 21), (3, 1)])
@pytest.mark.parametrize("depth", [3, 4])
def test_the_map_has_the_images_size(size: tuple[int, int], depth: int) -> None:
    with torch.no_grad():
        assert UNet(2, depth, maps=2)(torch.rand(2, 3, *size)).shape == (2, 2, *size)


def test_parameters_by_hand() -> None:
    """Each 3x3 layer has 9 weights a pair of channels, and two of its normalisation."""
    first = (9 * 3 * 4 + 8) + (9 * 4 * 4 + 8)
    down = (9 * 4 * 8 + 16) + (9 * 8 * 8 + 16)
    grow = 4 * 8 * 4 + 4
    up = (9 * 8 * 4 + 8) + (9 * 4 * 4 + 8)
    last = 4 + 1
    model = UNet(4, 1)
    assert sum(p.numel() for p in model.parameters()) == first + down + grow + up + last


def test_a_row_does_not_depend_on_its_batch() -> None:
    model, pixels = UNet(4, 3), torch.rand(3, 3, 16, 8)
    with torch.no_grad():
        alone = torch.cat([model(row[None]) for row in pixels])
        torch.testing.assert_close(model(pixels), alone, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model.eval()(pixels), alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("silent", [0, 1])
def test_skip_connections_carry_what_deeper_levels_cannot(silent: int) -> None:
    with stream(0, "skip"):  # of few channels with unlucky weights all may be dead
        model, pixels = UNet(16, 2), torch.rand(1, 3, 16, 16)
    for weights in model.down[silent].parameters():
        nn.init.zeros_(weights)
    pixels.requires_grad_()
    model(pixels)[..., 5, 6].sum().backward()
    assert pixels.grad[..., 4:7, 5:8].abs().max() > 1e-4


def test_masks_are_learned_and_carry_over_to_a_domain_never_seen(tmp_path: Path) -> None:
    """Three seeds of weights gave 0.66 to 0.68 and 0.65 to 0.66, best constants 0.59 and 0.61."""
    train, held_out = (rendered(tmp_path, ("b", "c", "d"), s, SIZE) for s in ("train", "query"))
    other = rendered(tmp_path, ("a",), "query", SIZE)
    segmenter = UNetSegmenter(width=8, depth=3, batch=12, lr=0.01, epochs=16)
    with stream(0):
        model = segmenter.build().to(memory_format=torch.channels_last)
    segmenter.fit(model, train, cpu_loop(tmp_path))
    for data, margin in ((held_out, 0.04), (other, 0.015)):
        found = overlap(masks_of(segmenter, model, data), data.masks).mean
        assert found > best_constant(data) + margin


def best_constant(data: ImageArray) -> float:
    """Return the overlap of the one mask for all images that does best, knowing them."""
    mean = data.masks.mean(0)
    masks = [np.where(mean >= level, np.uint8(255), np.uint8(0)) for level in range(26, 255, 8)]
    return max(overlap(np.broadcast_to(m, data.masks.shape), data.masks).mean for m in masks)


def test_resumed_training_is_the_same_bit_by_bit(tmp_path: Path) -> None:
    data = rendered(tmp_path, ("a",), "query", SIZE)
    segmenter = UNetSegmenter(width=4, depth=2, epochs=2, batch=6)
    whole, cut, resumed = (copy.deepcopy(m) for m in [segmenter.build()] * 3)
    segmenter.fit(whole, data, cpu_loop(tmp_path / "whole"))

    def killed(done: int, total: int, log: object) -> None:
        if done >= 3:
            raise KilledError

    with patch("reidbench.engine.loop.SHOW_EVERY", 0.0), pytest.raises(KilledError):
        segmenter.fit(cut, data, cpu_loop(tmp_path / "cut", progress=killed, checkpoint_every=0.0))
    segmenter.fit(resumed, data, cpu_loop(tmp_path / "cut"))
    for name, value in whole.state_dict().items():
        assert value.equal(resumed.state_dict()[name]), name
    assert not whole.last.weight.equal(cut.last.weight)


def test_an_image_looks_different_in_every_step(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels, masks = rng.integers(0, 256, (1, 16, 8, 3), np.uint8), np.zeros((1, 16, 8), np.uint8)
    data = ImageArray(pixels, np.zeros(1, np.int64), np.zeros(1, np.int64), masks)
    segmenter, seen = UNetSegmenter(width=2, depth=1, epochs=6, batch=1), set()
    model = segmenter.build()
    model.register_forward_pre_hook(lambda _, given: seen.add(given[0].sum().item()))
    segmenter.fit(model, data, cpu_loop(tmp_path))
    assert len(seen) == 6


def test_images_without_masks_are_nothing_to_learn_from(tmp_path: Path) -> None:
    pixels, none = np.zeros((4, 8, 8, 3), np.uint8), np.zeros(4, np.int64)
    segmenter = UNetSegmenter(**SMALL)
    with pytest.raises(ReidbenchError, match="no masks to learn from"):
        segmenter.fit(segmenter.build(), ImageArray(pixels, none, none), cpu_loop(tmp_path))


def test_colours_are_jittered_within_bounds() -> None:
    grey = torch.full((64, 3, 2, 2), 0.5)
    changed = jittered(grey, 0.2, generator("test"))
    spread = changed[:, :, 0, 0]
    assert spread.max() <= 0.5 * 1.2 + 0.2 + 1e-6
    assert spread.min() >= 0.5 * 0.8 - 0.2 - 1e-6
    assert (spread - spread[:, :1]).abs().amax() > 0.05  # channels of their own
    assert spread.std(0).min() > 0.05  # rows of their own
    assert (changed == changed[:, :, :1, :1]).all()  # one change for all pixels
    assert jittered(grey, 0.2, generator("test")).equal(changed)
    assert jittered(grey, 0.0, generator("test")).equal(grey)
    assert jittered(torch.ones(8, 3, 1, 1), 1.0, generator("test")).max() <= 1


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"width": 0}, {"jitter": 1.5}, {"lr": -1.0}, {"domains": ()}]
)
def test_refuses_values_out_of_range(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        UNetSegmenter(**wrong)
