"""Mistakes inside components: each ends as one error that names plugin, class and method."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from reidbench.errors import ComponentError, ReidbenchError, is_out_of_memory
from reidbench.registry.registry import owner_of

METHODS = ".<locals>"


def fault(component: object, method: str, got: str, expected: str) -> ComponentError:
    """Return the error of a component that does not keep its contract.

    Args:
        component: an instance of a registered class.
        method: whose call or answer is wrong.
        got: what it did: "returned None".
        expected: what the contract asks for.
    """
    what = f"{type(component).__name__}.{method}() {got}; expected {expected}"
    return ComponentError(f"{_named(type(component))}: {what}")


@contextmanager
def blaming() -> Iterator[None]:
    """Let an unforeseen error that comes out of a component's method name that.

    Raises:
        ComponentError: also where a component wants to end the program.
    """
    try:
        yield
    except (ReidbenchError, KeyboardInterrupt):
        raise
    except BaseException as error:
        if (named := blamed(error)) is None:
            raise
        raise named from error


def blamed(error: BaseException) -> ComponentError | None:
    """Return the error to show for what a component raised; None if it was none, or too large."""
    if is_out_of_memory(error):
        return None
    culprit: tuple[object, str] | None = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        component = frame.f_locals.get("self")
        if component is not None and owner_of(type(component)) is not None:
            method = frame.f_code.co_qualname.partition(METHODS)[0].rpartition(".")[2]
            culprit = component, method
    if culprit is None:
        return None
    component, method = culprit
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return ComponentError(
        f"{_named(type(component))}: {type(component).__name__}.{method}() raised {what} "
        "(--debug shows where)"
    )


def _named(kind: type) -> str:
    entry = owner_of(kind)
    if entry is None:
        return f"{kind.__module__}.{kind.__qualname__}"
    return f"{entry.kind} '{entry.name}' of plugin '{entry.plugin}'"
