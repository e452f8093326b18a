"""The errors a user may cause, and the exit code each leaves."""

import difflib
from collections.abc import Iterable


class ReidbenchError(Exception):
    """Something failed; the message says what is wrong and what would do."""

    exit_code = 1


class UsageError(ReidbenchError):
    """The command asked for something that does not exist or cannot be combined."""

    exit_code = 2


class ComponentError(ReidbenchError):
    """A component did what its contract does not allow; the message names its plugin and method."""


class BusyError(ReidbenchError):
    """Another process is computing the artifact that is needed.

    Attributes:
        key: content key of the artifact.
    """

    def __init__(self, key: str, title: str) -> None:
        super().__init__(f"another process is computing it: {title}")
        self.key = key


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to ``name``.

    Without a near name it lists all: ``"; known: a, b"``.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; known: {', '.join(names)}" if names else "; none is installed"


def shown_lines(text: str) -> str:
    """Return a text of several lines for messages, escaped as by ``shown``; tabs stay."""
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(c if c in "\n\t" else shown(c) for c in text)


def shown(name: object) -> str:
    """Return a name for messages, with characters that control a terminal written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(name))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory is used up, the computer's or a device's."""
    # torch has a class for a device's memory, and a text for the computer's.
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
    )
