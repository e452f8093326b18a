"""Sheets of translated images."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from reidbench.files import write_bytes

ROWS = ("source", "translated", "reconstructed", "target")
GAP = 4
LEAST_HEIGHT = 128  # smaller images are enlarged by whole factors, so that pixels stay squares


def draw_sheet(rows: NDArray[np.uint8], labels: Sequence[str], path: Path) -> None:
    """Write a PNG of labelled rows of images.

    Args:
        rows: ``[R, columns, H, W, 3]`` uint8.
        labels: what each of the R rows shows.
        path: where to write it, atomically.
    """
    factor = max(1, -(-LEAST_HEIGHT // rows.shape[2]))
    large = rows.repeat(factor, axis=2).repeat(factor, axis=3)
    count, columns, height, width = large.shape[:4]
    font = ImageFont.load_default(14)
    left = GAP * 3 + round(max(font.getlength(text) for text in labels))
    size = (left + columns * (width + GAP), GAP + count * (height + GAP))
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for r, label in enumerate(labels):
        top = GAP + r * (height + GAP)
        pen.text((GAP, top + height // 2), label, "black", font, anchor="lm")
        for c in range(columns):
            sheet.paste(Image.fromarray(large[r, c]), (left + c * (width + GAP), top))
    png = io.BytesIO()
    sheet.save(png, "PNG", optimize=True)
    write_bytes(path, png.getvalue())
