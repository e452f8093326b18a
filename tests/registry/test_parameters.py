from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pytest
from torch import nn

from reidbench.config.recipe import Embedding
from reidbench.errors import ReidbenchError, UsageError
from reidbench.registry.parameters import convert, parameters_of, resolve

if TYPE_CHECKING:
    from collections import OrderedDict


class Component:
    def __init__(
        self,
        *,
        weight: float = 2,
        steps: int = 3,
        loss: Literal["lsgan", "log"] = "lsgan",
        layers: Literal[3, 4] = 4,
        lr: float | None = None,
        flip: bool = True,
        path: str = "",
        sizes: list[float] = (1, 2.5),  # type: ignore[assignment]
    ) -> None: ...


class Demanding:
    def __init__(self, *, root: str, size: int = 1) -> None: ...


def test_the_signature_is_the_configuration() -> None:
    known = parameters_of(Component)
    assert list(known) == ["weight", "steps", "loss", "layers", "lr", "flip", "path", "sizes"]
    assert {n: p.type_name for n, p in known.items()} == {
        "weight": "float",
        "steps": "int",
        "loss": "'lsgan' | 'log'",
        "layers": "3 | 4",
        "lr": "float | None",
        "flip": "bool",
        "path": "str",
        "sizes": "list[float]",
    }
    assert not any(p.required for p in known.values())
    assert [p.required for p in parameters_of(Demanding).values()] == [True, False]


def test_every_parameter_gets_a_value_of_its_type() -> None:
    assert resolve(Component, {}, "x") == {
        "weight": 2.0,
        "steps": 3,
        "loss": "lsgan",
        "layers": 4,
        "lr": None,
        "flip": True,
        "path": "",
        "sizes": [1.0, 2.5],
    }
    given = {"weight": 1, "lr": 1, "layers": 3, "sizes": [3]}
    values = resolve(Component, given, "x")
    assert [repr(values[n]) for n in given] == ["1.0", "1.0", "3", "[3.0]"]


def test_a_default_counts_as_the_same_value_given() -> None:
    assert repr(resolve(Component, {}, "x")) == repr(resolve(Component, {"weight": 2}, "x"))


@pytest.mark.parametrize(
    ("annotation", "value", "wanted"),
    [
        (float, True, "float"),
        (float, "0.1", "float"),
        (float, None, "float"),
        (float, float("nan"), "float"),
        (float, float("inf"), "float"),
        (float | None, float("-inf"), "float | None"),
        (int, True, "int"),
        (int, 1.0, "int"),
        (int, "1", "int"),
        (bool, 1, "bool"),
        (bool, "true", "bool"),
        (str, 1, "str"),
        (Literal["a", "b"], "c", "'a' | 'b'"),
        (Literal[1, 2], True, "1 | 2"),
        (Literal[1, 2], 1.0, "1 | 2"),
        (list[int], 1, "list[int]"),
        (list[int], "12", "list[int]"),
        (list[int], [1, 2.5], "int"),
        (None, 0, "None"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(annotation: Any, value: Any, wanted: str) -> None:
    with pytest.raises(UsageError) as caught:
        convert(value, annotation, "sianet.margin")
    refused = value[-1] if isinstance(value, list) else value
    assert str(caught.value) == f"sianet.margin takes {wanted}, not {refused!r}"


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int | None, None),
        (int | str, "x"),
        (int | float, 1),
        (Literal[1, "auto"], "auto"),
        (list[str] | None, ["x"]),
        (list[list[int]], [[1], []]),
        (dict, {"a": 1}),
    ],
)
def test_a_value_of_the_right_type_stays_as_it_is(annotation: Any, value: Any) -> None:
    assert repr(convert(value, annotation, "x")) == repr(value)


def test_an_unknown_parameter_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match="'x' has no parameter 'wieght'; did you mean 'weight'"):
        resolve(Component, {"wieght": 1}, "x")
    with pytest.raises(UsageError, match=r"no parameter 'qqq'; known: flip, layers, loss"):
        resolve(Component, {"qqq": 1}, "x")


def test_a_parameter_without_default_is_asked_for() -> None:
    with pytest.raises(UsageError, match=r"'target' needs target\.root"):
        resolve(Demanding, {}, "target")
    assert resolve(Demanding, {"root": "/x"}, "target") == {"root": "/x", "size": 1}


class Bare(nn.Module): ...


class Inherits(Component): ...


def test_a_class_without_a_constructor_has_none() -> None:
    assert parameters_of(Bare) == parameters_of(object) == {}
    assert parameters_of(Inherits) == parameters_of(Component)


@dataclass(frozen=True, kw_only=True)
class Deeper(Embedding):
    pool: Literal["max"] = "max"  # type: ignore[assignment]
    depth: int = 1


def test_a_dataclass_inherits_fields_whose_types_its_module_does_not_name() -> None:
    assert "Retrieval" not in globals()
    assert {n: p.type_name for n, p in parameters_of(Deeper).items()} == {
        "flip": "bool",
        "pool": "'max'",
        "parts": "1 | 2 | 4 | 8",
        "retrieval": "'features' | 'verification'",
        "depth": "int",
    }
    assert resolve(Deeper, {"parts": 2}, "x")["parts"] == 2


class Positional:
    def __init__(self, weight: float = 1) -> None: ...


class Unannotated:
    def __init__(self, *, weight=1) -> None: ...  # type: ignore[no-untyped-def]


class Open:
    def __init__(self, **anything: float) -> None: ...


class Unreadable:
    def __init__(self, *, table: OrderedDict[str, int] | None = None) -> None: ...


@pytest.mark.parametrize("factory", [Positional, Unannotated, Open, Unreadable])
def test_a_constructor_that_cannot_be_read_is_its_authors_fault(factory: type) -> None:
    with pytest.raises(ReidbenchError, match=rf"{factory.__name__}.*tell its author"):
        parameters_of(factory)
