"""Rendering: what ``translate`` and ``warp`` give."""

from dataclasses import replace

import pytest
import torch
from reidbench_sagan.translator import SAGAN

from reidbench.nn.pixels import add_to_image


def seen(images):
    return torch.cat([images.pixels, images.mask], 1)


@pytest.mark.parametrize("mask", [True, False])
def test_identity_transforms_leave_the_pixel_part(make, batch, mask):
    whole, pixel = make(mask=mask), make(mask=mask, spatial=False)
    for name in ("to_target", "to_source"):
        weights = getattr(whole, name).generator.state_dict()
        getattr(pixel, name).generator.load_state_dict(weights)
    for images, dst, generator in (
        (batch.source, 1, whole.to_target.generator),
        (batch.target, 0, whole.to_source.generator),
    ):
        code = torch.randn(4, 8)
        fake = whole.translate(images, 1 - dst, dst, code)
        inputs = seen(images) if mask else images.pixels
        torch.testing.assert_close(fake, generator(inputs), atol=2e-4, rtol=0)
        torch.testing.assert_close(fake, pixel.translate(images, 1 - dst, dst), atol=2e-4, rtol=0)
        assert pixel.warp(images, 1 - dst, dst) is None


def test_without_generators_identity_transforms_change_nothing(make, batch):
    fake = make(pixel=False).translate(batch.source, 0, 1)
    torch.testing.assert_close(fake, batch.source.pixels, atol=1e-5, rtol=0)


def test_codes_give_other_translations(bent, make, batch):
    codes = torch.randn(2, 4, 8)
    for translator, moves in ((bent(), True), (make(), False)):
        fakes = [translator.translate(batch.source, 0, 1, code) for code in codes]
        warps = [translator.warp(batch.source, 0, 1, code) for code in codes]
        assert torch.equal(*fakes) != moves
        assert torch.equal(warps[0].parameters, warps[1].parameters) != moves
    usual = translator.translate(batch.source, 0, 1)
    assert torch.equal(usual, translator.translate(batch.source, 0, 1, torch.zeros(4, 8)))


def test_the_warp_told_is_the_warp_made(bent, batch):
    translator, code = bent(pixel=False), torch.randn(4, 8)
    for images, dst in ((batch.source, 1), (batch.target, 0)):
        warp = translator.warp(images, 1 - dst, dst, code)
        moved = torch.nn.functional.grid_sample(
            images.pixels, warp.grid, padding_mode="border", align_corners=False
        )
        assert torch.equal(translator.translate(images, 1 - dst, dst, code), moved)
        matrix = torch.linalg.inv(warp.parameters.view(4, 3, 3))
        middle = matrix @ torch.tensor([1 / 24, 1 / 32, 1.0])  # of the pixel right of and below 0
        expected = middle[:, :2] / middle[:, 2:]
        torch.testing.assert_close(warp.grid[:, 16, 12], expected, atol=1e-5, rtol=1e-4)


def test_directions_and_rows_keep_apart(bent, batch):
    translator, code = bent(), torch.randn(4, 8)
    there = translator.translate(batch.source, 0, 1, code)
    assert not torch.equal(there, translator.translate(batch.source, 1, 0, code))
    alone = translator.translate(one_row(batch.source, 2), 0, 1, code[2:3])
    torch.testing.assert_close(there[2:3], alone, atol=1e-5, rtol=1e-4)


def one_row(images, row):
    fields = ("pixels", "pid", "cam", "mask")
    return replace(images, **{f: getattr(images, f)[row : row + 1] for f in fields})


def test_generators_add_to_the_moved_image_where_asked(bent, batch):
    moved, drawn, added = bent(pixel=False), bent(), bent(residual=True)
    for translator in (
        moved,
        drawn,
    ):  # a model without generators draws its first weights otherwise
        for name in ("to_target", "to_source"):
            weights = getattr(added, name).spatial.state_dict()
            getattr(translator, name).spatial.load_state_dict(weights)
    code = torch.randn(4, 8)
    for images, src, dst in ((batch.source, 0, 1), (batch.target, 1, 0)):
        with torch.no_grad():
            image, fake, sum_ = (t.translate(images, src, dst, code) for t in (moved, drawn, added))
        expected = add_to_image(image, torch.atanh(fake))
        torch.testing.assert_close(sum_, expected, rtol=1e-4, atol=1e-5)
    assert "residual" in SAGAN.omitted_from_key_at_default
