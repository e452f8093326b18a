"""Folder of a report: every file lies inside it, and what an earlier report left is removed."""

from __future__ import annotations

import re
from pathlib import Path

from reidbench.errors import ReidbenchError, UsageError
from reidbench.results.result import safe_letters
from reidbench.storage.files import write_json, writing
from reidbench.storage.schema import read_json

MARKER = "report.json"
_FILE = re.compile(r"(?:[a-z]+/)?[a-z0-9][a-z0-9._@+-]*\.(?:html|js|css|png|json)")


def page_id(name: str) -> str:
    """Return a name of any origin in letters that a page's file can begin and be named with."""
    return safe_letters(name)[:100].strip(".-_@+") or "unnamed"


class Folder:
    """Files of a report, written below one folder.

    Args:
        root: the folder; made if it is not there.

    Raises:
        UsageError: if it holds something and no report.
    """

    def __init__(self, root: Path) -> None:
        self.root, self._resolved = root, root.resolve()
        self.written: dict[str, int] = {}
        self._clear()

    def write(self, name: str, content: bytes) -> None:
        """Write a file by its path below the folder, such as ``runs/spgan.html``.

        Raises:
            ReidbenchError: if the path leads out of the folder, or the file cannot be written.
        """
        path = self.root / name
        if not _FILE.fullmatch(name) or not self._inside(path):
            raise ReidbenchError(f"'{name}' does not lie in the report's folder {self.root}")
        with writing(path):  # thousands of small files: waiting for the disk at each takes minutes
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.written[name] = len(content)

    def finish(self) -> None:
        """Note what was written, so that the next report can take its place."""
        self.written[MARKER] = 0
        write_json(self.root / MARKER, {"reidbench": "report", "files": sorted(self.written)})

    def _inside(self, path: Path) -> bool:
        """Return whether a path stays in the folder, links followed."""
        return path.resolve().is_relative_to(self._resolved)

    def _clear(self) -> None:
        if not self.root.exists() or not any(self.root.iterdir()):
            return
        for name in self._earlier():
            path = self.root / name
            if _FILE.fullmatch(name) and self._inside(path) and path.is_file():
                path.unlink()

    def _earlier(self) -> list[str]:
        """Return the files of the report that is there."""
        marker = self.root / MARKER
        try:
            told = read_json(marker)
        except (OSError, ValueError, RecursionError, ReidbenchError):
            told = None
        if not isinstance(told, dict) or told.get("reidbench") != "report":
            raise UsageError(
                f"{self.root} holds something and no report of reidbench; name another folder"
            )
        files = told.get("files")
        return [f for f in files if isinstance(f, str)] if isinstance(files, list) else []
