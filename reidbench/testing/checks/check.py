"""A check of a component or plugin: a plain function, with the reason for it and the remedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar, cast

from reidbench.config.benchmark import load_benchmark
from reidbench.errors import ReidbenchError
from reidbench.registry.loading import Plugins, load_plugins
from reidbench.registry.parameters import parameters_of, resolve
from reidbench.registry.registry import Kind, Registry
from reidbench.storage.keys import JSON

PLUGIN = "plugin"
"""The kind of the checks of a plugin as a whole."""
T = TypeVar("T")


class FailedCheck(AssertionError):  # noqa: N818 - beside SkippedCheck
    """Tells the mistake that a check found."""


class SkippedCheck(Exception):  # noqa: N818 - no error: the check does not apply
    """Tells why a check does not apply."""


@dataclass(frozen=True)
class Check:
    """A check of one kind of component.

    Attributes:
        name: name by which it is listed, and may be expected to fail.
        kinds: kinds of component it is for; ``PLUGIN`` for a plugin as a whole.
        why: what goes wrong in a run if it fails.
        mend: remedy.
        function: raises ``FailedCheck`` or whatever the component raises; ``SkippedCheck`` where
            it does not apply.
    """

    name: str
    kinds: tuple[str, ...]
    why: str
    mend: str
    function: Callable[[Any], None]


CHECKS: list[Check] = []
"""All checks, in the order in which they run: what others rest on comes first."""


def check(
    *kinds: str, why: str, mend: str
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Return a decorator that enters a function among the checks, under its own name."""

    def entered(function: Callable[[Any], None]) -> Callable[[Any], None]:
        name = function.__name__.replace("_", "-")
        CHECKS.append(Check(name, kinds, why, mend, function))
        return function

    return entered


def require(condition: object, problem: str) -> None:
    """Raise ``FailedCheck`` with the problem unless the condition holds."""
    if not condition:
        raise FailedCheck(problem)


@dataclass(frozen=True)
class Subject:
    """A component that is checked.

    Attributes:
        factory: its class.
        registry: where other components that it names are looked up.
        plugin: name of its plugin.
        settings: parameters set by hand, such as the folder of a dataset.
    """

    kind: Kind
    name: str
    factory: type[Any]
    registry: Registry
    plugin: str = ""
    settings: Mapping[str, JSON] = field(default_factory=dict)
    _shared: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def title(self) -> str:
        """Kind and name."""
        return f"{self.kind} {self.name}"

    def has(self, parameter: str) -> bool:
        """Return whether the component has a parameter of that name."""
        return parameter in parameters_of(self.factory)

    def parameters(self, **changes: JSON) -> dict[str, JSON]:
        """Return its parameters: the benchmark mock's sizes, the settings, then the changes.

        Changes of parameters that it has not are left out.

        Raises:
            SkippedCheck: if one is needed and not given.
        """
        known = parameters_of(self.factory)
        given = {
            **_mock().fixed(self.kind, self.name, known),
            **self.settings,
            **{name: value for name, value in changes.items() if name in known},
        }
        missing = [p.name for p in known.values() if p.required and p.name not in given]
        if missing:
            raise SkippedCheck(
                f"needs --set {' and '.join(f'{self.name}.{name}=...' for name in missing)}"
            )
        return resolve(self.factory, given, self.name)

    def build(self, **changes: JSON) -> Any:
        """Construct it with ``parameters(**changes)``.

        Raises:
            SkippedCheck: if a parameter is needed, or a file of its own is not on this machine.
        """
        built = self.factory(**self.parameters(**changes))
        try:
            getattr(built, "provenance", dict)()
        except ReidbenchError as error:
            raise SkippedCheck(str(error)) from error
        return built

    def shared(self, key: str, make: Callable[[], T]) -> T:
        """Return what ``make`` gives, computed once for all checks of the component."""
        if key not in self._shared:
            self._shared[key] = make()
        return cast(T, self._shared[key])


@dataclass(frozen=True)
class PluginSubject:
    """A plugin that is checked as a whole.

    Attributes:
        plugins: everything that was found.
    """

    name: str
    plugins: Plugins
    kind: str = PLUGIN

    @property
    def title(self) -> str:
        """Kind and name."""
        return f"{PLUGIN} {self.name}"


def subject_of(factory: type[Any], kind: Kind, name: str = "mine", **settings: JSON) -> Subject:
    """Return a class as a component to check, registered or not.

    Args:
        factory: the class.
        kind: of the component.
        name: under which it is listed.
        **settings: parameters that take the place of the defaults.
    """
    return Subject(kind, name, factory, load_plugins().registry, settings=settings)


@cache
def _mock() -> Any:
    return load_benchmark("mock")
