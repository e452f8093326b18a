"""Paths that somebody else wrote: they may name files below one folder, and nothing else."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from reidbench.errors import shown


class Inside:
    """Tells whether paths name files below ``home``."""

    def __init__(self, home: Path) -> None:
        self._home = home.resolve()
        self._stays: dict[Path, bool] = {}

    def problem(self, text: str) -> str:
        """Return why a path cannot be used, to be read after the path; empty if it can."""
        path = PurePosixPath(text)
        if not text or path == PurePosixPath("."):
            return "names no file"
        if path.is_absolute() or ".." in path.parts:
            return f"must be a path from {shown(self._home)} on, without '..'"
        try:
            return self._file_problem(self._home / path)
        except (OSError, ValueError) as error:  # a name that is too long, or holds a null
            return f"cannot be a file: {getattr(error, 'strerror', None) or error}"

    def _file_problem(self, file: Path) -> str:
        if not file.is_file():
            hint = "; write / between folders" if "\\" in file.name else ""
            return f"is no file{hint}"
        # Resolving is slow; files of a folder share it unless they are links themselves.
        if not self._stays_inside(file if file.is_symlink() else file.parent):
            return f"is a link that leaves {shown(self._home)}"
        return ""

    def _stays_inside(self, path: Path) -> bool:
        if path not in self._stays:
            self._stays[path] = path.resolve().is_relative_to(self._home)
        return self._stays[path]
