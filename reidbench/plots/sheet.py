"""Sheets of translated images."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from reidbench.data.contact_sheet import GAP
from reidbench.errors import UsageError
from reidbench.storage.files import write_bytes

ROWS = ("source", "translated", "reconstructed", "target")
"""Labels of the rows of a preview that does not tell them: those of earlier versions."""
MADE = ("translated", "adapted, code 1")
"""Labels of the row that shows a run's translation."""
FORMATS = (".png", ".svg", ".pdf")
LEAST_HEIGHT = 128  # smaller images are enlarged by whole factors, so that pixels stay squares
DPI = 300  # of the images in SVG and PDF


@dataclass(frozen=True)
class Sheet:
    """Labelled rows of images.

    Attributes:
        recipe: name of the recipe that made them.
        labels: what each of the R rows shows; the first is real, the last the destination's.
        rows: ``[R, columns, H, W, 3]`` uint8.
    """

    recipe: str
    labels: tuple[str, ...]
    rows: NDArray[np.uint8]


def side_by_side(sheets: Sequence[Sheet]) -> Sheet:
    """Return a sheet of what several recipes make of the same images, a row each.

    Where a translation names no camera, its truth is that of the camera it is nearest to: the
    row "truth" is that of the first recipe.

    Raises:
        UsageError: if the images are not the same.
    """
    first = sheets[0]
    known = 2 if first.labels[1] == "truth" else 1
    shared = [*first.rows[:known], first.rows[-1]]
    made, names = [], []
    for sheet in sheets:
        real, style = sheet.rows[0], sheet.rows[-1]
        if not (np.array_equal(real, shared[0]) and np.array_equal(style, shared[-1])):
            raise UsageError(
                f"'{first.recipe}' and '{sheet.recipe}' did not translate the same images; choose "
                "results of one benchmark, direction and strategy"
            )
        row = next(i for i, label in enumerate(sheet.labels) if label in MADE)
        made.append(sheet.rows[row])
        names.append(sheet.recipe)
    labels = (*first.labels[:known], *names, first.labels[-1])
    return Sheet(", ".join(names), labels, np.stack([*shared[:-1], *made, shared[-1]]))


def draw_sheet(rows: NDArray[np.uint8], labels: Sequence[str], path: Path) -> None:
    """Write labelled rows of images; in SVG and PDF the labels are text.

    Args:
        rows: ``[R, columns, H, W, 3]`` uint8.
        labels: what each of the R rows shows.
        path: where to write it, atomically; its ending is one of ``FORMATS``.

    Raises:
        UsageError: for another ending.
        ReidbenchError: if it cannot be written.
    """
    if path.suffix not in FORMATS:
        raise UsageError(f"a sheet of images ends in {', '.join(FORMATS)}, not '{path.name}'")
    sheet, middles = _sheet(rows)
    if path.suffix == ".png":
        _write_png(sheet, middles, labels, path)
    else:
        _write_vector(sheet, middles, labels, path)


def _sheet(rows: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], list[int]]:
    """Return the images on white, ``[H, W, 3]``, and the middle of each row in pixels."""
    factor = max(1, -(-LEAST_HEIGHT // rows.shape[2]))
    large = rows.repeat(factor, axis=2).repeat(factor, axis=3)
    spaced = np.pad(large, ((0, 0), (0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=255)
    count, columns, height, width = spaced.shape[:4]
    sheet = spaced.swapaxes(1, 2).reshape(count * height, columns * width, 3)
    sheet = np.pad(sheet, ((GAP, 0), (0, 0), (0, 0)), constant_values=255)
    return sheet, [GAP + r * height + (height - GAP) // 2 for r in range(count)]


def _write_png(
    sheet: NDArray[np.uint8], middles: Sequence[int], labels: Sequence[str], path: Path
) -> None:
    font = ImageFont.load_default(14)
    left = GAP * 3 + round(max(font.getlength(text) for text in labels))
    page = Image.new("RGB", (left + sheet.shape[1], sheet.shape[0]), "white")
    page.paste(Image.fromarray(sheet), (left, 0))
    pen = ImageDraw.Draw(page)
    for middle, label in zip(middles, labels, strict=True):
        pen.text((GAP, middle), label, "black", font, anchor="lm")
    png = io.BytesIO()
    page.save(png, "PNG")
    write_bytes(path, png.getvalue())


def _write_vector(
    sheet: NDArray[np.uint8], middles: Sequence[int], labels: Sequence[str], path: Path
) -> None:
    from matplotlib.figure import Figure

    from reidbench.plots.style import printable, save, styled

    height, width = sheet.shape[:2]
    left = 0.06 * DPI * max(map(len, labels))  # room for the labels, in pixels
    with styled():
        figure = Figure(figsize=((left + width) / DPI, height / DPI))
        axes = figure.add_axes((left / (left + width), 0, width / (left + width), 1))
        axes.imshow(sheet, interpolation="none", aspect="auto")
        axes.set_axis_off()
        for middle, label in zip(middles, labels, strict=True):
            figure.text(0.01, 1 - middle / height, printable(label), va="center")
        save(figure, path)
