"""Plugins that do not come with reidbench, found without loading any."""

from __future__ import annotations

from importlib.metadata import entry_points

GROUP = "reidbench"
"""Group of entry points; ``hookspecs`` has it too, with pluggy, which takes time."""

BUNDLED = frozenset(
    {
        "reidbench",
        *(
            f"reidbench-{name}"
            for name in (
                *("camstyle", "cyclegan", "espgan", "ibn", "ide", "ipgan", "pcb"),
                *("sagan", "simpgan", "spgan", "stargan", "svdnet"),
            )
        ),
    }
)
"""Distributions of the project's own plugins, which its tests check."""


def strangers() -> list[str]:
    """Return the names of the plugins that are installed but not the project's own."""
    points = entry_points(group=GROUP)
    return sorted({p.name for p in points if p.dist is None or p.dist.name not in BUNDLED})
