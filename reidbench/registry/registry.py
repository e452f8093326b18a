"""Names -> components. Holds import paths, not classes, so that listing needs no torch."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.registry.names import check_target, valid_name
from reidbench.registry.origin import BUNDLED_NAMES, OWN, Origin, source_of
from reidbench.storage.keys import JSON

Kind = Literal["translator", "constraint", "learner", "segmenter", "dataset", "protocol"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Strategy = Literal[
    "source", "target", "translated", "source+translated", "source+views", "finetune", "joint"
]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
Direction = Literal["source-to-target", "target-to-source"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


def usual_strategy(direction: Direction) -> Strategy:
    """Return the default strategy of a recipe with a translator."""
    return "source" if direction == "target-to-source" else "finetune"


@dataclass(frozen=True)
class Entry:
    """A component as a plugin registered it.

    Attributes:
        target: path of the class, as ``"module:Class"``.
        plugin: name of the plugin that registered it.
        paper: its publication.
        origin: the distribution it came in.
    """

    kind: Kind
    name: str
    target: str
    plugin: str
    summary: str = ""
    paper: str = ""
    origin: Origin = OWN

    def identity(self) -> dict[str, JSON]:
        """Return the distribution as keys name it: nothing for the project's own."""
        return {} if self.origin.bundled else {"distribution": self.origin.distribution}

    def provenance(self) -> dict[str, JSON]:
        """Return name, version, distribution and a digest of the source, for results."""
        factory, origin = self.load(), self.origin
        named = {"kind": self.kind, "name": self.name, "version": factory.version}
        whose = {"plugin": self.plugin, "distribution": origin.distribution}
        more = {"distribution_version": origin.version, "bundled": origin.bundled}
        return {**named, **whose, **more, "source": source_of(factory)}

    def load(self) -> type[Any]:
        """Import the class.

        Raises:
            ReidbenchError: naming the plugin, if its code cannot be imported or is no class.
        """
        module, _, attribute = self.target.partition(":")
        try:
            with redirect_stdout(sys.stderr):  # stdout may carry JSON
                found = getattr(importlib.import_module(module), attribute)
            if not isinstance(found, type):
                raise TypeError(f"{attribute} is not a class")
            _OWNERS[found] = self
            return found
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise ReidbenchError(
                f"{self.kind} '{self.name}' of plugin '{self.plugin}' cannot be loaded "
                f"from {self.target}: {type(error).__name__}: {error}"
            ) from error


_OWNERS: dict[type[Any], Entry] = {}


def owner_of(kind: type[Any]) -> Entry | None:
    """Return what a class was loaded as; None for one that no plugin registered."""
    return next((_OWNERS[c] for c in kind.__mro__ if c in _OWNERS), None)


@dataclass(frozen=True)
class Method:
    """A named recipe: what a paper composes.

    Attributes:
        translator: name, or "none".
        strategy: training images of the learner; see ``STRATEGIES``.
        parameters: the paper's values where they differ from the components' defaults, by dotted
            name (``"sianet.margin"``, ``"budget.epochs"``). A role before the dot
            (``"learner.normalisation"``) means whichever component has it, if that has such a
            parameter: the value stays where the user takes another learner.
        direction: which images are translated: the source's training images, to be learned from,
            or the target's test images, to be scored by a model of the source.
    """

    name: str
    translator: str
    constraints: tuple[str, ...]
    learner: str
    strategy: Strategy
    parameters: Mapping[str, JSON]
    plugin: str
    summary: str = ""
    paper: str = ""
    direction: Direction = "source-to-target"
    origin: Origin = OWN


@dataclass(frozen=True)
class Broken:
    """A plugin that could not be loaded, kept so that a missing name can be explained."""

    plugin: str
    error: str


@dataclass
class Registration:
    """Components that one plugin registers; it takes effect as a whole or not at all."""

    plugin: str
    origin: Origin = OWN
    entries: list[Entry] = field(default_factory=list)
    methods: list[Method] = field(default_factory=list)

    def translator(self, name: str, target: str, *, summary: str = "", paper: str = "") -> None:
        """Register a ``Translator`` class by its ``"module:Class"``."""
        self._add("translator", name, target, summary, paper)

    def constraint(self, name: str, target: str, *, summary: str = "", paper: str = "") -> None:
        """Register an ``IdentityConstraint`` class by its ``"module:Class"``."""
        self._add("constraint", name, target, summary, paper)

    def learner(self, name: str, target: str, *, summary: str = "", paper: str = "") -> None:
        """Register a ``FeatureLearner`` class by its ``"module:Class"``."""
        self._add("learner", name, target, summary, paper)

    def segmenter(self, name: str, target: str, *, summary: str = "", paper: str = "") -> None:
        """Register a ``Segmenter`` class by its ``"module:Class"``."""
        self._add("segmenter", name, target, summary, paper)

    def dataset(self, name: str, target: str, *, summary: str = "", paper: str = "") -> None:
        """Register a ``Dataset`` class by its ``"module:Class"``."""
        self._add("dataset", name, target, summary, paper)

    def protocol(self, name: str, target: str, *, summary: str = "", paper: str = "") -> None:
        """Register a ``Protocol`` class by its ``"module:Class"``."""
        self._add("protocol", name, target, summary, paper)

    def method(
        self,
        name: str,
        *,
        translator: str,
        constraints: Sequence[str] = (),
        learner: str = "ide",
        strategy: Strategy | None = None,
        direction: Direction = "source-to-target",
        parameters: Mapping[str, JSON] | None = None,
        summary: str = "",
        paper: str = "",
    ) -> None:
        """Register a named recipe; the components may belong to other plugins.

        The usual strategy is "finetune", or "source" in the direction "target-to-source".
        """
        if direction not in DIRECTIONS:
            raise ValueError(f"method '{name}': direction '{direction}' is none of {DIRECTIONS}")
        strategy = strategy or usual_strategy(direction)
        if strategy not in STRATEGIES:
            raise ValueError(f"method '{name}': strategy '{strategy}' is none of {STRATEGIES}")
        self.methods.append(
            Method(
                valid_name(name),
                translator,
                tuple(constraints),
                learner,
                strategy,
                dict(parameters or {}),
                self.plugin,
                summary,
                paper,
                direction,
                self.origin,
            )
        )

    def _add(self, kind: Kind, name: str, target: str, summary: str, paper: str) -> None:
        check_target(kind, name, target)
        entry = Entry(kind, valid_name(name), target, self.plugin, summary, paper, self.origin)
        self.entries.append(entry)


class Registry:
    """All components and methods by name.

    Attributes:
        broken: plugins that could not be loaded.
        contested: plugins that wanted a name that another has, by kind and name.
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[Kind, str], Entry] = {}
        self._methods: dict[str, Method] = {}
        self.broken: list[Broken] = []
        self.contested: dict[tuple[str, str], list[str]] = {}

    def add(self, registration: Registration) -> None:
        """Take in what a plugin registered.

        Raises:
            ReidbenchError: naming both plugins, if a name is taken; nothing is taken in then.
        """
        entries, methods = dict(self._entries), dict(self._methods)
        refused = []
        for entry in registration.entries:
            refused += self._refused(entry.kind, entry, entries.get((entry.kind, entry.name)))
            entries[entry.kind, entry.name] = entry
        for method in registration.methods:
            refused += self._refused("method", method, methods.get(method.name))
            methods[method.name] = method
        if refused:
            raise ReidbenchError(refused[0])
        self._entries, self._methods = entries, methods

    def entry(self, kind: Kind, name: str) -> Entry:
        """Return the component of that kind and name.

        Raises:
            UsageError: with the nearest name, and the broken plugins that may have held it.
        """
        try:
            return self._entries[kind, name]
        except KeyError:
            known = [e.name for e in self.entries(kind)]
            raise UsageError(self._missing(kind, name, known)) from None

    def entries(self, kind: Kind) -> Iterator[Entry]:
        """Yield the components of a kind in the order of their names."""
        return (self._entries[key] for key in sorted(self._entries) if key[0] == kind)

    def method(self, name: str) -> Method:
        """Return the method of that name.

        Raises:
            UsageError: as ``entry`` does.
        """
        if name not in self._methods:
            raise UsageError(self._missing("method", name, list(self._methods)))
        return self._methods[name]

    def methods(self) -> Iterator[Method]:
        """Yield the methods in the order of their names."""
        return (self._methods[name] for name in sorted(self._methods))

    def _missing(self, kind: str, name: str, known: Sequence[str]) -> str:
        message = f"no {kind} is named '{name}'{did_you_mean(name, known)}"
        if self.broken:
            names = ", ".join(f"'{b.plugin}'" for b in self.broken)
            message += f" (plugin {names} failed to load; see: reidbench plugin list)"
        return message

    def _refused(self, kind: str, new: Entry | Method, old: Entry | Method | None) -> list[str]:
        """Return why a name is not to be had, and note who wanted it; nothing if it is free."""
        who = f"{kind} '{new.name}' of plugin '{new.plugin}'"
        owner = BUNDLED_NAMES.get((kind, new.name))
        if old is not None:
            why = f"{who} is already registered by plugin '{old.plugin}'"
            whose = f"({new.origin}; {old.origin} has it)"
        elif owner is not None and not new.origin.bundled:
            why = f"{who} has the name of one of plugin '{owner}', which is the project's own"
            whose = f"({new.origin}; reidbench-{owner} has it)"
        else:
            return []
        rivals = self.contested.setdefault((kind, new.name), [])
        rivals.append(f"plugin '{new.plugin}' of {new.origin}")
        return [f"{why} {whose}"]
