"""Names of recipes that are not, or not wholly, a registered method."""

from __future__ import annotations

from typing import Any

from reidbench.config.compatibility import NO_TRANSLATOR
from reidbench.registry.registry import Method, Registry, usual_strategy


def name_of(method: Method, base: Method, registry: Registry) -> str:
    """Return the name of the registered method that equals this, or build one from the nearest."""
    equal = [known.name for known in registry.methods() if _parts(known) == _parts(method)]
    if equal:
        return equal[0]
    if method.translator == NO_TRANSLATOR:
        framed = {"source": "direct", "target": "supervised"}.get(method.strategy, method.strategy)
        own = any(m.name == framed and m.learner == method.learner for m in registry.methods())
        return framed if own else f"{framed}+{method.learner}"
    nearest = _nearest(method, base, registry)
    if nearest is None:
        words = [method.translator, *method.constraints, method.learner]
        direction, strategy = "source-to-target", usual_strategy(method.direction)
    else:
        words = [nearest.name, *([method.learner] if method.learner != nearest.learner else [])]
        direction, strategy = nearest.direction, nearest.strategy
    if method.direction != direction:
        words.append(method.direction.partition("-")[2])
        strategy = usual_strategy(method.direction)
    if method.strategy != strategy:
        words.append(method.strategy)
    return "+".join(words)


def _parts(method: Method) -> tuple[Any, ...]:
    """Return all of a method but what it is called and who tells of it."""
    values = dict(method.parameters)
    parts = (method.translator, method.constraints, method.learner)
    return *parts, method.strategy, method.direction, values


def _nearest(method: Method, base: Method, registry: Registry) -> Method | None:
    """Return the method that the user changed, if its parameters stay, or one of the same parts.

    Parts that a method sets parameters of are not the same without them.
    """
    parts = (method.translator, method.constraints)
    if base.parameters and (base.translator, base.constraints) == parts:
        return base
    same = [
        known
        for known in registry.methods()
        if not known.parameters
        and (known.translator, known.constraints, known.learner) == (*parts, method.learner)
    ]
    # Several may differ in strategy or direction: the one that is the same goes first.
    whole = [m for m in same if (m.strategy, m.direction) == (method.strategy, method.direction)]
    return next(iter(whole + same), None)
