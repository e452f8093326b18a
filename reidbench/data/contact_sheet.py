"""Contact sheets: what the images of a dataset look like, a row a person."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from reidbench.data.dataset import DISTRACTOR, JUNK, Dataset, Samples, Split
from reidbench.errors import UsageError
from reidbench.storage.files import write_bytes
from reidbench.storage.keys import derive_seed

GAP = 4  # pixels, between the images of any sheet
TEXT = 12  # pixels
MOST_PIXELS = 80_000_000  # viewers refuse more, and Pillow itself warns of them

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class Strip(NamedTuple):
    """One row of a sheet.

    Attributes:
        label: person on the strip.
        rows: indices of images of the split, by camera.
    """

    label: str
    rows: list[int]


def choose(samples: Samples, persons: int, images: int, seed: int) -> list[Strip]:
    """Return a strip for each of some persons, and one for distractors and junk if there are any.

    Args:
        samples: samples of the split.
        persons: number of persons at most, drawn by ``seed``.
        images: number of images a strip at most, from as many cameras as possible.
        seed: decides persons and images.
    """
    rng = np.random.default_rng(derive_seed(seed, "contact sheet"))
    known = np.unique(samples.pids[samples.pids > 0])
    chosen = np.sort(rng.permutation(known)[:persons]).tolist()
    who = [(pid, f"person {pid}") for pid in chosen]
    who += [(DISTRACTOR, "distractors"), (JUNK, "junk")]
    strips = [Strip(label, _spread(samples, pid, images, rng)) for pid, label in who]
    return [strip for strip in strips if strip.rows]


def write_sheet(
    path: Path,
    dataset: Dataset,
    split: Split,
    strips: Sequence[Strip],
    size: tuple[int, int],
    *,
    masks: bool = False,
) -> None:
    """Write a PNG of strips, atomically.

    Args:
        path: file to write; one that is there is replaced.
        dataset: is read, and the images need not be in any store.
        split: name of the split.
        strips: strips to show.
        size: height and width of each image on the sheet.
        masks: show the person masks below the images.

    Raises:
        ReidbenchError: naming the image that cannot be decoded, or if the sheet cannot be written.
        UsageError: if the sheet would be too large.
    """
    cams, font = dataset.samples(split).cams, ImageFont.load_default(TEXT)
    cell = _cell(size, font, masks)
    left = 3 * GAP + round(max((font.getlength(strip.label) for strip in strips), default=0))
    columns = max((len(strip.rows) for strip in strips), default=0)
    sheet = _blank(left + columns * cell.width, GAP + len(strips) * cell.height)
    pen = ImageDraw.Draw(sheet)
    for number, strip in enumerate(strips):
        top = GAP + number * cell.height
        pen.text((GAP, top + cell.height // 2), strip.label, "black", font, anchor="lm")
        for column, row in enumerate(strip.rows):
            x = left + column * cell.width
            pen.text((x, top), f"camera {cams[row]}", "grey", font)
            for place, picture in enumerate(_pictures(dataset, split, row, masks)):
                y = top + cell.caption + place * (size[0] + GAP)
                sheet.paste(_scaled(picture, size), (x, y))
    png = io.BytesIO()
    sheet.save(png, "PNG", optimize=True)
    write_bytes(path, png.getvalue())


class _Cell(NamedTuple):
    """Pixels that an image takes with its caption, mask and distance to the next."""

    width: int
    height: int
    caption: int


def _cell(size: tuple[int, int], font: Font, masks: bool) -> _Cell:
    caption = TEXT + GAP
    width = max(size[1], round(font.getlength("camera 99")))
    return _Cell(width + GAP, caption + (2 if masks else 1) * (size[0] + GAP) + GAP, caption)


def _blank(width: int, height: int) -> Image.Image:
    if width * height > MOST_PIXELS:
        raise UsageError(
            f"the sheet would have {width} x {height} pixels; show fewer persons or images, or "
            "choose a smaller size"
        )
    return Image.new("RGB", (width, height), "white")


def _pictures(dataset: Dataset, split: Split, row: int, masks: bool) -> list[NDArray[np.uint8]]:
    mask = [dataset.read_mask(split, row)] if masks else []
    return [dataset.read(split, row), *mask]


def _spread(samples: Samples, pid: int, images: int, rng: np.random.Generator) -> list[int]:
    """Return some images of a person, of every camera in turns, sorted by camera."""
    rows = rng.permutation(np.flatnonzero(samples.pids == pid))
    cams = samples.cams[rows]
    turns = np.empty(len(rows), dtype=np.int64)  # how many of the camera came before
    for cam in np.unique(cams):
        turns[cams == cam] = np.arange((cams == cam).sum())
    kept = rows[np.lexsort((cams, turns))[:images]]
    shown: list[int] = kept[np.lexsort((kept, samples.cams[kept]))].tolist()
    return shown


def _scaled(image: NDArray[np.uint8], size: tuple[int, int]) -> Image.Image:
    height, width = size
    return Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
