"""Standard output and error through which no foreign text controls the terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from reidbench.errors import shown_lines


class Escaped(io.TextIOBase):
    """A text stream that writes control characters, and those it has no code for, as escapes.

    Attributes:
        rich_proxied_file: the stream behind, to which rich's consoles write their styles.
    """

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self.rich_proxied_file = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream behind."""
        return self.rich_proxied_file.encoding or "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        """The treatment of a character without a code: it is written as an escape."""
        return "backslashreplace"

    def write(self, text: str) -> int:
        """Write a text, escaped."""
        told = shown_lines(text).encode(self.encoding, self.errors).decode(self.encoding)
        self.rich_proxied_file.write(told)
        return len(text)

    def flush(self) -> None:
        """Flush the stream behind."""
        self.rich_proxied_file.flush()

    def isatty(self) -> bool:
        """Return whether the stream behind is a terminal."""
        return self.rich_proxied_file.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream behind."""
        return self.rich_proxied_file.fileno()

    def writable(self) -> bool:
        """Return True."""
        return True


@contextmanager
def escaped_output() -> Iterator[None]:
    """Escape all that the body writes to standard output and error."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Escaped(streams[0]), Escaped(streams[1])
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
