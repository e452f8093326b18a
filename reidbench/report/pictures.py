"""Pictures of runs: the sheet beside a result, and ranked lists from the cache."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from reidbench.errors import ReidbenchError
from reidbench.plots.panels import ranked_images
from reidbench.plots.ranked import ranked_rows
from reidbench.plots.style import styled
from reidbench.report.runs import Run

_DPI = 150
_MOST_PIXELS = 40_000_000


def sheet_of(run: Run, _: Path) -> tuple[bytes, str]:
    """Return the picture beside a run's result as PNG, or the reason why there is none."""
    if not run.result.recipe.get("translator"):
        return b"", "nothing was translated"
    path = run.file.with_suffix(".png")
    if not path.is_file():
        return b"", "there is no picture beside the result"
    try:
        return _anew(path), ""
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        return b"", f"the picture beside the result cannot be read ({type(error).__name__})"


def ranked_picture(run: Run, cache: Path) -> tuple[bytes, str]:
    """Return ranked lists of a run as PNG, or the reason why there are none."""
    try:
        rows = ranked_rows(run.result, cache)
    except ReidbenchError as error:
        return b"", str(error)
    with styled():
        figure = Figure(figsize=(7, 0.2 + 1.05 * len(rows)), layout="constrained")
        ranked_images(figure.subplots(), rows)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue(), ""


def _anew(path: Path) -> bytes:
    """Return an image encoded anew, so that nothing but pixels comes from a foreign file."""
    with Image.open(path, formats=["PNG"]) as image:
        if image.width * image.height > _MOST_PIXELS:
            raise ValueError("too large")
        file = io.BytesIO()
        image.convert("RGB").save(file, "PNG")
    return file.getvalue()
