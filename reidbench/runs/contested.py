"""Names that several plugins wanted: a run that uses one says whose it is."""

from __future__ import annotations

from collections.abc import Sequence

from reidbench.progress import Reporter
from reidbench.registry.registry import Registry
from reidbench.runs.plan import Plan
from reidbench.runs.sources import entries_of


def tell_contested(plans: Sequence[Plan], registry: Registry, reporter: Reporter) -> None:
    """Say of each contested name that the plans use, who has it and who wanted it."""
    if not registry.contested:
        return
    names = {plan.recipe.name for plan in plans}
    used = {("method", m.name): m.origin for m in registry.methods() if m.name in names}
    stages = [stage for plan in plans for stage in plan.stages]
    used |= {(entry.kind, entry.name): entry.origin for entry in entries_of(stages)}
    for (kind, name), origin in used.items():
        if rivals := registry.contested.get((kind, name)):
            reporter.say(
                f"warning: {kind} '{name}' is that of {origin}; {' and '.join(rivals)} wanted the "
                "name and is not loaded (see: reidbench plugin list)"
            )
