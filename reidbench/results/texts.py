"""Canonical texts of tables that many results share, each written once."""

from __future__ import annotations

from reidbench.storage.keys import JSON, canonical


class Texts:
    """Canonical text of any table; of one object it is worked out once.

    Results that were read together share their benchmark and, over its seeds, their recipe.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[JSON, str]] = {}

    def of(self, table: JSON) -> str:
        """Return ``keys.canonical`` of a value that does not change meanwhile."""
        found = self._known.get(id(table))
        if found is None:  # the value is kept, so that its id stays its own
            found = self._known[id(table)] = table, canonical(table)
        return found[1]
