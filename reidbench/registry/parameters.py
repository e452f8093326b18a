"""Parameters of a component: its constructor's signature is the whole configuration."""

from __future__ import annotations

import inspect
import math
import reprlib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union

from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.storage.keys import JSON

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


@dataclass(frozen=True)
class Parameter:
    """One keyword-only parameter.

    Attributes:
        annotation: its type; None, bool, int, float, str, Literal, list of these, or a union.
        required: True if it has no default.
    """

    name: str
    annotation: Any
    default: JSON
    required: bool

    @property
    def type_name(self) -> str:
        """The type as a person reads it: ``float``, ``'lsgan' | 'log'``, ``int | None``."""
        return _name(self.annotation)


def parameters_of(factory: type[Any]) -> dict[str, Parameter]:
    """Return the parameters of a class, in the order of its signature.

    Raises:
        ReidbenchError: if one is not keyword-only or not annotated; the author has to mend it.
    """
    hints = _hints(factory)
    found = {}
    # An ABC or nn.Module without a constructor of its own has nothing to set.
    if "__init__" not in vars(factory) and not _inherits_init(factory):
        return {}
    for name, parameter in inspect.signature(factory).parameters.items():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY or name not in hints:
            raise ReidbenchError(
                f"parameter '{name}' of {factory.__name__} must be keyword-only and annotated; "
                "tell its author"
            )
        required = parameter.default is inspect.Parameter.empty
        default = None if required else parameter.default
        found[name] = Parameter(name, hints[name], default, required)
    return found


def resolve(factory: type[Any], given: Mapping[str, JSON], owner: str) -> dict[str, JSON]:
    """Return every parameter's value: the given ones, checked and converted, over the defaults.

    Raises:
        UsageError: naming ``owner.parameter``, for an unknown name or a value of the wrong type.
    """
    known = parameters_of(factory)
    for name in given:
        if name not in known:
            raise UsageError(f"'{owner}' has no parameter '{name}'{did_you_mean(name, known)}")
    missing = [p.name for p in known.values() if p.required and p.name not in given]
    if missing:
        raise UsageError(f"'{owner}' needs {', '.join(f'{owner}.{m}' for m in missing)}")
    return {
        name: convert(given.get(name, p.default), p.annotation, f"{owner}.{name}")
        for name, p in known.items()
    }


def convert(value: JSON, annotation: Any, name: str) -> JSON:
    """Return ``value`` as the annotated type, widening int to float and tuple to list only.

    Raises:
        UsageError: naming the parameter and the type it takes.
    """
    for option in _options(annotation):
        fitted, ok = _fit(value, option, name)
        if ok:
            return fitted
    raise UsageError(f"{name} takes {_name(annotation)}, not {_short.repr(value)}")


def _fit(value: JSON, annotation: Any, name: str) -> tuple[JSON, bool]:
    origin = typing.get_origin(annotation)
    if origin is Literal:
        choices = typing.get_args(annotation)
        return value, any(type(value) is type(c) and value == c for c in choices)
    if origin in (list, tuple):
        inner = typing.get_args(annotation)[0]
        ok = isinstance(value, (list, tuple))
        return ([convert(v, inner, name) for v in value] if ok else value), ok
    if annotation in (None, types.NoneType):
        return value, value is None
    if annotation is float and type(value) in (int, float):
        return float(value), math.isfinite(value)
    return value, type(value) is annotation


def _options(annotation: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(annotation) in (Union, types.UnionType)
    return typing.get_args(annotation) if is_union else (annotation,)


def _name(annotation: Any) -> str:
    options = _options(annotation)
    if len(options) > 1:
        return " | ".join(_name(o) for o in options)
    if typing.get_origin(annotation) is Literal:
        return " | ".join(repr(a) for a in typing.get_args(annotation))
    if annotation in (None, types.NoneType):
        return "None"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _hints(factory: type[Any]) -> dict[str, Any]:
    owner = next(c for c in factory.__mro__ if "__init__" in vars(c))
    # A dataclass has fields of classes in other modules, whose names only those modules know.
    source = owner if "__dataclass_fields__" in vars(owner) else vars(owner)["__init__"]
    try:
        return typing.get_type_hints(source)
    except NameError as error:  # a name that only a type checker imports
        raise ReidbenchError(
            f"the parameters of {factory.__name__} cannot be read: {error}; tell its author"
        ) from error


def _inherits_init(factory: type[Any]) -> bool:
    owner = next(c for c in factory.__mro__ if "__init__" in vars(c))
    return not owner.__module__.startswith(("torch.", "builtins", "abc"))
