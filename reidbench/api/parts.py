"""Recipes without running them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reidbench.api.options import Names, request_of
from reidbench.storage.keys import JSON

if TYPE_CHECKING:
    from reidbench.config.recipe import Recipe


def compose(
    *,
    method: str | None = None,
    translator: str | None = None,
    constraints: Names = (),
    learner: str | None = None,
    strategy: str | None = None,
    direction: str | None = None,
    masks: str | None = None,
    benchmark: str | Path = "synthetic",
    settings: Mapping[str, JSON] | None = None,
) -> Recipe:
    """Return the recipe that :func:`reidbench.run` would run, with every value resolved.

    Args:
        method: named recipe, as a paper composes it; or name a translator.
        translator: what translates; "none" is direct transfer.
        constraints: what keeps persons recognisable.
        learner: what learns the features.
        strategy: what the learner is trained on.
        direction: "source-to-target" or "target-to-source".
        masks: what makes person masks.
        benchmark: name, or the path of a ``.toml`` file; its values go before the method's.
        settings: parameters of the recipe set by hand, by dotted name.

    Returns:
        The recipe; its ``identity()`` tells every part and parameter.

    Raises:
        UsageError: for unknown names and parameters, and parts that do not fit together.

    Example:
        >>> import reidbench
        >>> recipe = reidbench.compose(method="direct", settings={"ide.epochs": 2})
        >>> recipe.name, recipe.learner.parameters["epochs"]
        ('direct', 2)
    """
    from reidbench.config.benchmark import load_benchmark
    from reidbench.config.compose import compose as composed
    from reidbench.config.compose import refuse_unnamed
    from reidbench.registry.loading import load_plugins

    names = {"method": method, "translator": translator, "learner": learner}
    names |= {"strategy": strategy, "direction": direction, "masks": masks}
    request = request_of(constraints, **names)
    refuse_unnamed(request)
    on = load_benchmark(str(benchmark))
    return composed(request, on, load_plugins().registry, settings or {})
