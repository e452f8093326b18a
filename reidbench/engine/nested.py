"""Tensors in what a network takes and returns: tuples, lists, mappings and dataclasses of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from torch import Tensor


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield the tensors of a value, in order; whatever else is in it is passed over."""
    if isinstance(value, Tensor):
        yield value
    else:
        for part in _parts(value).values():
            yield from tensors_in(part)


def mapped(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    """Return a value of the same form with each tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    parts = {name: mapped(change, part) for name, part in _parts(value).items()}
    if not parts:
        return value
    if isinstance(value, Mapping):
        return type(value)(parts)  # type: ignore[call-arg]
    if is_dataclass(value):
        return replace(value, **parts)  # type: ignore[type-var]
    if hasattr(value, "_fields"):
        return type(value)(*parts.values())
    return type(value)(parts.values())


def _parts(value: Any) -> Mapping[Any, Any]:
    """Return the parts of a value by name or place; none if it has none."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, tuple | list):
        return dict(enumerate(value))
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in fields(value) if f.init}
    return {}
