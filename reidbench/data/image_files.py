"""Image files: what is one, and how it is decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from reidbench.errors import ReidbenchError, shown

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")  # no others: some decoders start programs
SUFFIXES = r"\.(?:jpe?g|png|bmp|webp|tiff?)"
"""Endings of their names, as part of a regular expression."""
ORIENTATION = 0x0112  # the EXIF tag
CLUTTER = frozenset({"thumbs.db", "desktop.ini"})  # left by desktops; hidden files are too


def is_clutter(name: str) -> bool:
    """Return whether a file was left by a desktop, and is no part of a dataset."""
    return name.startswith(".") or name.lower() in CLUTTER


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Decode an image file to ``[h, w, 3]`` RGB.

    Raises:
        ReidbenchError: naming the file, if it is missing, empty, truncated or no image.
    """
    return _read(path, "RGB")


def read_grey(path: Path) -> NDArray[np.uint8]:
    """Decode an image file, such as a mask, to ``[h, w]`` grey levels.

    Raises:
        ReidbenchError: as ``read_rgb`` does.
    """
    return _read(path, "L")


def read_labels(path: Path) -> NDArray[np.uint8]:
    """Decode a label map to ``[h, w]``: the places in its palette, or grey levels without one.

    Raises:
        ReidbenchError: as ``read_rgb`` does.
    """
    return _read(path, "L", keep="P")


def decoding_problem(path: Path) -> str | None:
    """Return why a file cannot be decoded; None if it can."""
    try:
        read_rgb(path)
    except ReidbenchError as error:
        return str(error)
    return None


def _read(path: Path, mode: str, keep: str = "") -> NDArray[np.uint8]:
    try:
        with Image.open(path, formats=FORMATS) as opened:
            image = _upright(opened)
            if image.mode.startswith("I"):
                image = _eight_bits(image)
            return np.array(image.convert(keep if image.mode == keep else mode))
    except MemoryError:
        raise
    except Exception as error:  # a damaged file fails in any of a dozen ways
        raise ReidbenchError(f"cannot decode {shown(path)}: {_reason(path, error)}") from error


def _upright(image: Image.Image) -> Image.Image:
    """Return an image as viewers show it: cameras note in EXIF how they were held."""
    # Reading the tag alone costs nothing; transposing would copy every image.
    return ImageOps.exif_transpose(image) if image.getexif().get(ORIENTATION, 1) != 1 else image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return grey levels of up to 16 bits as 8 bits; the least of 8, 12 and 16 that holds all.

    The file does not tell how many of the 16 bits its camera has.
    """
    levels = np.array(image)
    if levels.min() < 0 or levels.max() >= 2**16:
        raise _UnfitError("its grey levels are no 16-bit numbers; save it with 8 or 16 bits")
    bits = next(b for b in (8, 12, 16) if levels.max() < 2**b)
    return Image.fromarray((levels >> (bits - 8)).astype(np.uint8))


class _UnfitError(Exception):
    """An image whose pixels have no 8-bit meaning."""


def _reason(path: Path, error: Exception) -> str:
    if not path.is_file():
        return "there is no such file"
    if path.stat().st_size == 0:
        return "the file is empty (0 bytes)"
    if isinstance(error, UnidentifiedImageError):
        return f"it is not a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} image"
    if isinstance(error, _UnfitError):
        return str(error)
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels"
    return "the file is truncated or damaged; copy it anew"
