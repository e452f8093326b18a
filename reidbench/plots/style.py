"""The style of every figure: made to be pasted into a paper, and the same bytes every time."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from unicodedata import east_asian_width

import matplotlib as mpl
from matplotlib.figure import Figure

from reidbench.errors import UsageError
from reidbench.storage.files import write_bytes

Width = Literal["one", "two"]
INCHES: dict[Width, float] = {"one": 3.3, "two": 7.0}
CHARACTERS: dict[Width, int] = {"one": 60, "two": 128}  # of a title's line
FORMATS = (".svg", ".pdf", ".png")

# Okabe and Ito, "Color Universal Design", 2008: told apart by every kind of colour vision.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#999999")
MARKERS = "osD^vP*"
INK, FAINT = "#222222", "#767676"

_LONGEST = 90
_RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial"],
    "font.size": 7,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.5,
    "legend.frameon": False,
    "text.color": INK,
    "text.parse_math": False,  # a name from a result is never a formula
    "text.usetex": False,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,  # fonts embedded whole, as conferences ask for
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "reidbench",
}
_UNDATED: dict[str, dict[str, str | None]] = {
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    ".png": {"Software": None},
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw and save in this style, whatever the user's own is."""
    with mpl.rc_context(), warnings.catch_warnings():
        # A letter that the font lacks becomes a box; in an SVG the reader's own font may have it.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def save(figure: Figure, path: Path) -> None:
    """Write a figure, atomically, without date or machine; inside ``styled``.

    Raises:
        UsageError: if the path does not end in one of ``FORMATS``.
        ReidbenchError: if it cannot be written.
    """
    check_format(path)
    file = io.BytesIO()
    kind = path.suffix.lower()
    figure.savefig(file, format=kind[1:], metadata=_UNDATED[kind])
    write_bytes(path, file.getvalue())


def check_format(path: Path) -> None:
    """Raise ``UsageError`` if a path does not end in one of ``FORMATS``."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"a figure ends in {', '.join(FORMATS)}, not '{path.name}'")


def printable(text: str, line: int = _LONGEST, lines: int = 3) -> str:
    """Return a text of any origin in at most so many lines of so many characters; cut if longer."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if any(east_asian_width(c) in "WF" for c in words):
        line = max(1, line // 2)  # such letters are twice as wide
    return "\n".join(textwrap.wrap(words, line, max_lines=lines, placeholder=" …"))
