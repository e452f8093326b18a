"""Small components that each hold one mistake that authors make, with the check meant for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Class = TypeVar("Class", bound=type[Any])


@dataclass(frozen=True)
class Defect:
    """A component with a mistake.

    Attributes:
        check: name of the check that must find it.
        told: what the check must say, in a regular expression.
    """

    kind: str
    factory: type[Any]
    check: str
    told: str

    @property
    def title(self) -> str:
        return f"{self.kind}-{self.factory.__name__}"


DEFECTS: list[Defect] = []


def defect(kind: str, check: str, told: str) -> Callable[[Class], Class]:
    """Enter a class among the defects; several may be found in one."""

    def entered(factory: Class) -> Class:
        DEFECTS.append(Defect(kind, factory, check, told))
        return factory

    return entered
