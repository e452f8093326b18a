"""Folder of everything that is cached."""

from __future__ import annotations

import os
from pathlib import Path


def default_root() -> Path:
    """Return the folder of everything that is cached: ``$REIDBENCH_CACHE`` or the XDG cache."""
    if named := os.environ.get("REIDBENCH_CACHE"):
        return Path(named).expanduser()
    # Unlike Path.home, this does not fail for a user without a home.
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return Path(base) / "reidbench"
