"""Plugins that do not come with reidbench, found without loading any."""

from __future__ import annotations

from importlib.metadata import entry_points

from reidbench.registry.origin import origin_of

GROUP = "reidbench"
"""Group of entry points; ``hookspecs`` has it too, with pluggy, which takes time."""


def strangers() -> list[str]:
    """Return the names of the plugins that are installed but not the project's own."""
    points = (p for p in entry_points(group=GROUP) if p.name != "reidbench")
    return sorted({p.name for p in points if not origin_of(p).bundled})
