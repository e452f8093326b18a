"""Differences of two methods, or of two components of a kind, parameter by parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reidbench.config.benchmark import SECTIONS, Benchmark, DatasetSpec, load_benchmark
from reidbench.config.compose import Request, compose
from reidbench.errors import UsageError, did_you_mean
from reidbench.registry.parameters import parameters_of
from reidbench.registry.registry import KINDS, Entry, Kind, Registry
from reidbench.storage.keys import JSON

# The papers' own values: nothing is fixed for all.
_FREE = Benchmark(
    name="none",
    version=1,
    summary="",
    source=DatasetSpec(""),
    target=DatasetSpec(""),
    protocol=DatasetSpec(""),
    seeds=(0,),
    image_size=(256, 128),
    settings={},
)


@dataclass(frozen=True)
class Difference:
    """One value that two sides differ in.

    Attributes:
        name: dotted name, as ``--set`` takes it, or the name of a part (``"translator"``).
        first: the first side's value as a list of one, empty if it has no such parameter.
        second: the second side's, likewise.
    """

    name: str
    first: tuple[JSON, ...]
    second: tuple[JSON, ...]


@dataclass(frozen=True)
class Differences:
    """The values that differ between two sides.

    Attributes:
        kind: "method", or the components' kind.
        benchmark: name of the benchmark whose values count; None for the papers' own.
    """

    kind: str
    first: str
    second: str
    benchmark: str | None
    rows: tuple[Difference, ...]


def differences(
    first: str, second: str, registry: Registry, benchmark: str | None = None
) -> Differences:
    """Return the differences of two methods, or of two components of a kind.

    Names that are both a method's and a component's mean the method. A method's values are, in
    rising order of precedence, its components' defaults, its own and the benchmark's.

    Raises:
        UsageError: for an unknown name, or two names that have no kind in common.
    """
    setting = load_benchmark(benchmark) if benchmark else _FREE
    sides = [_kinds(name, registry) for name in (first, second)]
    kind = next((k for k in ("method", *KINDS) if all(k in side for side in sides)), None)
    if kind is None:
        ours, theirs = (" and ".join(side) for side in sides)
        raise UsageError(
            f"'{first}' ({ours}) and '{second}' ({theirs}) cannot be compared: name two "
            "methods, or two components of a kind"
        )
    values = [_values(kind, name, registry, setting) for name in (first, second)]
    return Differences(kind, first, second, benchmark, _compared(*values))


def _kinds(name: str, registry: Registry) -> list[str]:
    """Return the kinds of things that have a name."""
    known: dict[str, set[str]] = {"method": {m.name for m in registry.methods()}}
    known |= {str(kind): {e.name for e in registry.entries(kind)} for kind in KINDS}
    found = [kind for kind, names in known.items() if name in names]
    if not found:
        near = did_you_mean(name, set().union(*known.values()))
        raise UsageError(f"nothing is named '{name}'{near}")
    return found


def _values(kind: str, name: str, registry: Registry, benchmark: Benchmark) -> dict[str, JSON]:
    if kind == "method":
        return _method(name, registry, benchmark)
    (entry,) = (e for e in registry.entries(_component_kind(kind)) if e.name == name)
    return _component(entry, benchmark)


def _component_kind(kind: str) -> Kind:
    return next(k for k in KINDS if k == kind)


def _method(name: str, registry: Registry, benchmark: Benchmark) -> dict[str, JSON]:
    """Return every value of a method's recipe by dotted name."""
    recipe = compose(Request(method=name), benchmark, registry, {})
    parts: dict[str, JSON] = {
        "translator": recipe.translator.name if recipe.translator else "none",
        "constraints": [c.name for c in recipe.constraints],
        "learner": recipe.learner.name,
        "strategy": recipe.strategy,
        "direction": recipe.direction,
    }
    for component in recipe.components:
        parts |= _prefixed(component.name, component.parameters)
    sections = recipe.identity()
    for section in SECTIONS:
        parts |= _prefixed(section, sections.get(section) or {})
    return parts


def _component(entry: Entry, benchmark: Benchmark) -> dict[str, JSON]:
    """Return a component's defaults, and the benchmark's values where it has that parameter."""
    known = parameters_of(entry.load())
    fixed = benchmark.fixed(entry.kind, entry.name, known)
    return {name: fixed.get(name, p.default) for name, p in known.items()}


def _prefixed(owner: str, values: Mapping[str, Any]) -> dict[str, JSON]:
    return {f"{owner}.{name}": value for name, value in values.items()}


def _compared(first: Mapping[str, JSON], second: Mapping[str, JSON]) -> tuple[Difference, ...]:
    rows = [
        Difference(name, _held(first, name), _held(second, name))
        for name in dict.fromkeys((*first, *second))
    ]
    return tuple(row for row in rows if row.first != row.second)


def _held(values: Mapping[str, JSON], name: str) -> tuple[JSON, ...]:
    return (values[name],) if name in values else ()
