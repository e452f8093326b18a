"""Remarks on the shares of the generators' losses in the gradient at the translated pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reidbench.storage.keys import JSON

OFF = 0.01
"""Largest share of a constraint that is as good as off: its part of a step is lost in the rest."""
DROWNS = 0.8
"""Mean share from which a constraint leaves the translator's own losses nothing to decide."""


def remarks(training: Mapping[str, JSON]) -> list[str]:
    """Return a sentence for each constraint's loss that is as good as off, or drowns the rest.

    Args:
        training: of a result.
    """
    measured: Any = training.get("gradient_shares", [])
    shares: dict[str, list[float]] = {}
    for entry in measured:
        for name, term in entry["terms"].items():
            if "." in name and term["share"] is not None:  # the translator's own have no dot
                shares.setdefault(name, []).append(term["share"])
    return [text for name, values in shares.items() if (text := _remark(name, values))]


def _remark(name: str, shares: list[float]) -> str:
    mean = sum(shares) / len(shares)
    if max(shares) < OFF:
        return (
            f"{name} is as good as off: never more than {100 * max(shares):.2g} % of the gradients"
        )
    if mean > DROWNS:
        return f"{name} drowns the other losses: {100 * mean:.0f} % of the gradients on average"
    return ""
