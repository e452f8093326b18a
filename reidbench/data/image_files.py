"""Image files: what is one, and how it is decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from reidbench.errors import ReidbenchError, shown

FORMATS = ("JPEG", "PNG", "BMP")  # no others: some decoders start programs
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
        with Image.open(path, formats=FORMATS) as image:
            return np.array(image.convert(keep if image.mode == keep else mode))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ReidbenchError(f"cannot decode {shown(path)}: {_reason(path, error)}") from error


def _reason(path: Path, error: Exception) -> str:
    if not path.is_file():
        return "there is no such file"
    if path.stat().st_size == 0:
        return "the file is empty (0 bytes)"
    if isinstance(error, UnidentifiedImageError):
        return f"it is not a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} image"
    return str(error)
