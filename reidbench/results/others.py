"""Components that are not the project's own, as results record them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reidbench.results.result import Result


def of_others(results: Sequence[Result]) -> tuple[str, ...]:
    """Return the components of other distributions behind results that differ in the seed alone.

    Each with its version and its distribution's, or all of them where the seeds have several.
    """
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for result in results:
        for part in result.recipe.get("components", ()):
            if not part["bundled"]:
                key = part["kind"], part["name"], part["distribution"]
                found.setdefault(key, []).append(part)
    return tuple(_told(parts) for parts in found.values())


def _told(parts: Sequence[dict[str, Any]]) -> str:
    first = parts[0]
    versions, shipped, sources = (
        list(dict.fromkeys(str(part[field]) for part in parts))
        for field in ("version", "distribution_version", "source")
    )
    mixed = ", of several sources" if len(sources) > 1 else ""
    named = f"{first['kind']} {first['name']} version {' and '.join(versions)}"
    return f"{named} of {first['distribution']} {' and '.join(shipped)}{mixed}"
