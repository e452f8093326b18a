"""Names that the rows and columns of a heat map can have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reidbench.results.result import Result


def _name(part: Any) -> str:
    return str(part.get("name")) if isinstance(part, dict) else "none"


def _joined(parts: Any) -> str:
    return " + ".join(map(_name, parts if isinstance(parts, list) else [])) or "none"


# What the rows and columns of a heat map can be.
FIELDS: dict[str, Callable[[Result], str]] = {
    "translator": lambda r: _name(r.recipe.get("translator")),
    "constraints": lambda r: _joined(r.recipe.get("constraints")),
    "learner": lambda r: _name(r.recipe.get("learner")),
    "strategy": lambda r: str(r.recipe.get("strategy")),
    "direction": lambda r: str(r.recipe.get("direction", "source-to-target")),
    "source": lambda r: _name(r.benchmark["source"]),
    "target": lambda r: _name(r.benchmark["target"]),
}
