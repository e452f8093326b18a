"""Values and durations as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping


def shown(log: Mapping[str, float]) -> str:
    """Return values as a person reads them: ``"cycle 0.31  identity 0.12"``."""
    return "  ".join(f"{name} {value:.3g}" for name, value in log.items())


def duration(seconds: float) -> str:
    """Return a duration in its two largest units: ``"40 s"``, ``"3 min 5 s"``, ``"2 h 7 min"``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
