"""Compose names and overrides into a Recipe, with every value resolved and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from reidbench.config.benchmark import SECTIONS, Benchmark
from reidbench.config.compatibility import NO_TRANSLATOR, check_compatible, check_contract
from reidbench.config.naming import name_of
from reidbench.config.recipe import (
    Budget,
    CameraGroups,
    Component,
    Embedding,
    Recipe,
    TranslationSampling,
)
from reidbench.errors import UsageError, did_you_mean
from reidbench.evaluation.options import RankingOptions
from reidbench.registry.parameters import parameters_of, resolve
from reidbench.registry.registry import (
    DIRECTIONS,
    STRATEGIES,
    Direction,
    Entry,
    Method,
    Registry,
    Strategy,
    usual_strategy,
)
from reidbench.storage.keys import JSON
from reidbench.storage.schema import whole_number

OWN_LEARNER = "learner"  # a constraint's name for the recipe's learner

OWN_MASKS = "dataset"  # the datasets' own masks, for --masks

# Sections that mean nothing without a translator.
TRANSLATING = {"budget", "rendering", "perspective"}

Section = TypeVar("Section", Budget, TranslationSampling, CameraGroups, Embedding, RankingOptions)


@dataclass(frozen=True)
class Request:
    """The names that the user gave; None where the method or the default decides."""

    method: str | None = None
    translator: str | None = None
    constraints: Sequence[str] = ()
    learner: str | None = None
    strategy: str | None = None
    direction: str | None = None
    masks: str | None = None


def parse_setting(text: str) -> tuple[str, JSON]:
    """Split ``"sianet.margin=1"`` into name and JSON value; text that is no JSON stays text.

    Raises:
        UsageError: if there is no ``=`` or no dot in the name.
    """
    name, equals, value = text.partition("=")
    if not equals or "." not in name.strip("."):
        raise UsageError(
            f"--set takes NAME.PARAMETER=VALUE (e.g. sianet.margin=1), not '{text[:80]}'"
        )
    try:
        return name.strip(), json.loads(value, parse_int=whole_number)
    except (ValueError, RecursionError):
        return name.strip(), value


def compose(
    request: Request, benchmark: Benchmark, registry: Registry, settings: Mapping[str, JSON]
) -> Recipe:
    """Return the recipe of a request on a benchmark.

    A segmenter is left out where no part reads masks. A parameter's value comes, in rising order of
    precedence, from the component's default, the method, the benchmark and the user's ``settings``.

    Raises:
        UsageError: for unknown names and parameters, values of the wrong type or range, and parts
            that are not compatible; each message names what would do.
    """
    method = _method(request, registry)
    entries = _entries(method, request.masks, registry)
    reject_unknown_overrides(settings, _owners(entries))
    translator, constraints, learner = _resolve_all(method, entries, benchmark, settings)
    segmenters = [
        _component(e, "segmenter", method, benchmark, settings) for e in entries["segmenter"]
    ]
    own = {learner.name: learner, OWN_LEARNER: learner}
    others = {
        e.name: _component(e, "learner", method, benchmark, settings)
        for e in entries["source_learner"]
    }
    recipe = Recipe(
        name=method.name,
        translator=translator,
        constraints=constraints,
        learner=learner,
        strategy=method.strategy,
        budget=_section(Budget, "budget", method, benchmark, settings),
        rendering=_section(TranslationSampling, "rendering", method, benchmark, settings),
        perspective=_section(CameraGroups, "perspective", method, benchmark, settings),
        direction=method.direction,
        segmenter=segmenters[0] if segmenters else None,
        embedding=_section(Embedding, "embedding", method, benchmark, settings),
        ranking=_section(RankingOptions, "ranking", method, benchmark, settings),
        paper=method.paper,
        modified=_as_shown(
            settings, (*constraints, learner, *([translator] if translator else []), *segmenters)
        ),
        source_learners={
            c.name: {**others, **own}[wanted]
            for c in constraints
            if (wanted := c.entry.load().source_learner)
        },
    )
    check_compatible(recipe)
    return recipe if recipe.mask_readers else replace(recipe, segmenter=None)


def refuse_unnamed(request: Request) -> None:
    """Refuse a request that names nothing to run.

    Raises:
        UsageError: if it has neither a method nor a translator.
    """
    if request.method is None and request.translator is None:
        raise UsageError(
            "name what to run: --method METHOD, or --translator TRANSLATOR with any number of "
            f"--constraint; --translator {NO_TRANSLATOR} is direct transfer (see: reidbench list)"
        )


def override_targets(request: Request, registry: Registry) -> frozenset[str]:
    """Return the names before the dot that ``settings`` of this request may have."""
    return _owners(_entries(_method(request, registry), request.masks, registry))


def reject_unknown_overrides(settings: Mapping[str, JSON], owners: frozenset[str]) -> None:
    """Refuse settings whose name before the dot is no part of the run.

    Raises:
        UsageError: with the nearest name.
    """
    for name in settings:
        owner = name.rpartition(".")[0]
        if owner not in owners:
            raise UsageError(
                f"--set {name}: '{owner}' is no part of this run{did_you_mean(owner, owners)}"
            )


def _method(request: Request, registry: Registry) -> Method:
    """Return the named method with the user's replacements, or one composed from the names."""
    if request.method is not None:
        base = registry.method(request.method)
    else:
        base = Method("", request.translator or NO_TRANSLATOR, (), "ide", "finetune", {}, "")
    translator = request.translator or base.translator
    direction = _direction(request.direction, base.direction, translator)
    method = replace(
        base,
        translator=translator,
        constraints=tuple(request.constraints) or base.constraints,
        learner=request.learner or base.learner,
        direction=direction,
        strategy=_strategy(request.strategy, base, translator, direction),
    )
    composed = request.method is None or method != base
    if not composed:
        return method
    return replace(method, name=name_of(method, base, registry), paper="")


def _direction(asked: str | None, usual: Direction, translator: str) -> Direction:
    if asked is not None:
        if asked not in DIRECTIONS:
            raise UsageError(f"no direction is named '{asked}'{did_you_mean(asked, DIRECTIONS)}")
        return asked
    return usual if translator != NO_TRANSLATOR else "source-to-target"


def _strategy(asked: str | None, base: Method, translator: str, direction: Direction) -> Strategy:
    if asked is not None:
        if asked not in STRATEGIES:
            raise UsageError(f"no strategy is named '{asked}'{did_you_mean(asked, STRATEGIES)}")
        return asked
    if translator == NO_TRANSLATOR:
        return base.strategy if base.strategy in ("source", "target") else "source"
    return base.strategy if base.direction == direction else usual_strategy(direction)


def _entries(method: Method, masks: str | None, registry: Registry) -> dict[str, list[Entry]]:
    doubled = {c for c in method.constraints if method.constraints.count(c) > 1}
    if doubled:
        raise UsageError(f"constraint '{doubled.pop()}' is named twice")
    translated = method.translator != NO_TRANSLATOR
    constraints = [registry.entry("constraint", c) for c in method.constraints]
    for entry in constraints:
        check_contract(entry, entry.load())
    wanted = {c.load().source_learner for c in constraints} - {"", OWN_LEARNER}
    return {
        "translator": [registry.entry("translator", method.translator)] if translated else [],
        "constraint": constraints,
        "learner": [registry.entry("learner", method.learner)],
        "source_learner": [registry.entry("learner", name) for name in sorted(wanted)],
        "segmenter": [] if masks in (None, OWN_MASKS) else [registry.entry("segmenter", masks)],
    }


def _owners(entries: Mapping[str, list[Entry]]) -> frozenset[str]:
    """Return the names of the parts of a recipe that have parameters."""
    sections = set(SECTIONS) if entries["translator"] else set(SECTIONS) - TRANSLATING
    return frozenset(sections.union(e.name for group in entries.values() for e in group))


def _resolve_all(
    method: Method,
    entries: Mapping[str, list[Entry]],
    benchmark: Benchmark,
    settings: Mapping[str, JSON],
) -> tuple[Component | None, tuple[Component, ...], Component]:
    resolved = {
        role: [_component(e, role, method, benchmark, settings) for e in entries[role]]
        for role in ("translator", "constraint", "learner")
    }
    translator = resolved["translator"][0] if resolved["translator"] else None
    return translator, tuple(resolved["constraint"]), resolved["learner"][0]


def _component(
    entry: Entry,
    role: str,
    method: Method,
    benchmark: Benchmark,
    settings: Mapping[str, JSON],
) -> Component:
    factory = entry.load()
    check_contract(entry, factory)
    known = parameters_of(factory)
    files: frozenset[str] = getattr(factory, "files", frozenset())
    given = {
        **{k: v for k, v in _of(role, method.parameters).items() if k in known},
        **_of(entry.name, method.parameters),
        **benchmark.located(benchmark.fixed(role, entry.name, known), files),
        **_of(entry.name, settings),
    }
    return Component(entry, factory.version, resolve(factory, given, entry.name))


def _section(
    factory: type[Section],
    section: str,
    method: Method,
    benchmark: Benchmark,
    settings: Mapping[str, JSON],
) -> Section:
    given = {
        **_of(section, method.parameters),
        **benchmark.settings.get(section, {}),
        **_of(section, settings),
    }
    try:
        return factory(**resolve(factory, given, section))
    except ValueError as error:
        raise UsageError(f"'{section}': {error}") from error


def _as_shown(settings: Mapping[str, JSON], components: Sequence[Component]) -> dict[str, JSON]:
    """Return the settings as results show them: without the folders of this machine.

    What names a method changes none.
    """
    shown = {
        f"{c.name}.{name}": value
        for c in components
        for name, value in c.identity()["parameters"].items()
    }
    own = {
        f"{c.name}.{name}"
        for c in components
        for name in getattr(c.entry.load(), "names_the_method", ())
    }
    return {name: shown.get(name, value) for name, value in settings.items() if name not in own}


def _of(owner: str, dotted: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the parameters of one owner from a mapping by dotted names."""
    prefix = f"{owner}."
    return {k.removeprefix(prefix): v for k, v in dotted.items() if k.startswith(prefix)}
