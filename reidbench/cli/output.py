"""Standard output and error through which no foreign text controls the terminal."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from reidbench.errors import ReidbenchError, shown_lines


class Written(io.TextIOBase):
    """Standard output or error as it may be: in any encoding, closed, or on a full disk.

    Characters that the encoding lacks are written as escapes. That output is lost is one error;
    that messages are lost is none, since nobody is left to tell.
    """

    def __init__(self, stream: TextIO | None, *, messages: bool) -> None:
        """Write to ``stream``, None if it was closed before the process began."""
        self._stream, self._messages = stream, messages

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream behind."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write a text.

        Raises:
            ReidbenchError: if output cannot be written.
        """
        told = text.encode(self.encoding, "backslashreplace").decode(self.encoding)
        with self._told():
            if self._stream is None:
                raise OSError("it is closed")
            if text:  # click asks by an empty one, and passes over an error
                self._stream.write(told)
        return len(text)

    def flush(self) -> None:
        """Flush the stream behind; raises as ``write`` does."""
        with self._told():
            if self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        """Return True if the stream behind is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream behind."""
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def writable(self) -> bool:
        """Return True."""
        return True

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            if not self._messages:
                raise
        except OSError as error:
            self._leave_the_rest_unwritten()
            if not self._messages:
                raise ReidbenchError(
                    f"cannot write to standard output: {error.strerror or error}; what was "
                    "written to files is kept"
                ) from error

    def _leave_the_rest_unwritten(self) -> None:
        # What is left in the buffer would fail once more as the interpreter ends.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())


class Escaped(io.TextIOBase):
    """A text stream that writes control characters, and those it has no code for, as escapes.

    Attributes:
        rich_proxied_file: the stream behind, to which rich's consoles write their styles.
    """

    def __init__(self, stream: TextIO | Written) -> None:
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
    _occupy_descriptors()
    streams = sys.stdout, sys.stderr
    output, messages = (Written(s, messages=s is streams[1]) for s in streams)
    sys.stdout, sys.stderr = Escaped(output), Escaped(messages)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams


def _occupy_descriptors() -> None:
    """Open nothing in place of closed standard streams.

    The next file that is opened would be their descriptor, and what libraries print be written
    into it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
