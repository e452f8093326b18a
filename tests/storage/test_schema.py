"""Typed reading of files: every misfit is told by file, place and what belongs there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from reidbench.errors import ReidbenchError, UsageError
from reidbench.storage.schema import (
    SchemaError,
    convert,
    has_long_number,
    read_json,
    read_toml,
    reading,
    with_shared,
)


class Wheel(Struct, forbid_unknown_fields=True, kw_only=True):
    name: str | None = None
    inches: Annotated[int, Meta(ge=1, description="inches, one at least")]

    def __post_init__(self) -> None:
        if self.inches == 13:
            raise ValueError("nobody makes wheels of 13 inches")


@dataclass(frozen=True)
class Owner:
    since: int
    shares: dict[str, float]


class Car(Struct, forbid_unknown_fields=True, kw_only=True):
    colour: Literal["red", "green"]
    speed: float | None = None
    electric: bool = False
    wheels: tuple[Wheel, ...] = ()
    size: tuple[int, int] = (1, 1)
    doors: str | tuple[str, ...] = ()
    owner: Owner | None = None
    seats: list[int] = []


def car(**changes: Any) -> dict[str, Any]:
    return {"colour": "red", **changes}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({}, "'colour' is missing: it must be 'green' or 'red'"),
        (car(colour="gren"), "'colour' cannot be 'gren'; did you mean 'green'?"),
        (car(colour=3), "'colour' must be 'green' or 'red', not 3"),
        (car(sped=1), "no key is named 'sped'; did you mean 'speed'?"),
        (car(speed="x"), "'speed' must be a number, not 'x'"),
        (car(speed=True), "'speed' must be a number, not True"),
        (car(electric=1), "'electric' must be true or false, not 1"),
        (car(size=[1]), "'size' must be a list of 2, not [1]"),
        (car(size=[1, "x"]), "'size[1]' must be a whole number, not 'x'"),
        (car(seats=[1, 2.5]), "'seats[1]' must be a whole number, not 2.5"),
        (car(doors=1), "'doors' must be a text or a list, not 1"),
        (car(wheels=3), "'wheels' must be a list, not 3"),
        (car(wheels=[{"inches": 0}]), "wheels 1: 'inches' must be inches, one at least, not 0"),
        (
            car(wheels=[{"inches": 1}, {"name": "rear", "inches": 0}]),
            "wheels 'rear': 'inches' must be inches, one at least, not 0",
        ),
        (car(wheels=[{}]), "wheels 1: 'inches' is missing: it must be inches, one at least"),
        (
            car(wheels=[{"inchs": 1, "inches": 2}]),
            "wheels 1: no key is named 'inchs'; did you mean 'inches'?",
        ),
        (car(wheels=[{"inches": 13}]), "wheels 1: nobody makes wheels of 13 inches"),
        (car(wheels=["x"]), "'wheels[0]' must be a table, not 'x'"),
        (car(owner=3), "'owner' must be a table, not 3"),
        (car(owner={"since": 1}), "'owner.shares' is missing: it must be a table"),
        (
            car(owner={"since": None, "shares": {}}),
            "'owner.since' must be a whole number, not None",
        ),
        ([], "it must be a table, not []"),
    ],
)
def test_a_misfit_is_told_with_its_place_and_what_belongs_there(raw: Any, said: str) -> None:
    with pytest.raises(SchemaError) as caught:
        convert(raw, Car)
    assert str(caught.value) == said


def test_a_value_of_any_key_is_told_without_msgspec_s_words() -> None:
    with pytest.raises(SchemaError, match=r"'owner\.shares\[\.\.\.\]' must be a number"):
        convert(car(owner={"since": 1, "shares": {"bank": "half"}}), Car)


def test_what_fits_is_converted_and_nothing_is_coerced() -> None:
    found = convert(car(speed=3, doors="left", wheels=[{"inches": 16}]), Car)
    assert (found.speed, type(found.speed), found.doors) == (3.0, float, "left")
    assert found.wheels == (Wheel(inches=16),)
    with pytest.raises(SchemaError):
        convert(car(seats=["1"]), Car)


def test_an_entry_takes_what_it_leaves_open_from_the_whole() -> None:
    spare, own = Wheel(name="spare", inches=15), Wheel(inches=16)
    assert with_shared(own, spare, ("name",)) == Wheel(name="spare", inches=16)
    assert with_shared(spare, own, ("name",)) == spare


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = [1, nan]", r"car\.toml is not a car: 'a\[1\]' is nan; write a finite number"),
        ("[a]\nb = -inf", r"car\.toml is not a car: 'a\.b' is -inf"),
        ("[a]\nb = 2020-01-01", r"'a\.b' is the date or time 2020-01-01; write it as a text"),
        ("a = 07:30:00", "'a' is the date or time 07:30:00"),
        ("a = ", r"car\.toml is not a car: Invalid value"),
        ("\udcff", r"car\.toml is not a car: 'utf-8' codec"),
    ],
)
def test_a_toml_file_holds_only_what_json_can_hold(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "car.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ReidbenchError, match=said), reading(path, "a car"):
        read_toml(path)


@pytest.mark.parametrize("content", [b"{", b'{"a": NaN}', b"[Infinity]", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_told_with_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "car.json"
    path.write_bytes(content)
    told = pytest.raises(UsageError, match=r"car\.json is not a car: ")
    with told, reading(path, "a car", UsageError):
        read_json(path)


def test_a_file_that_cannot_be_read_is_told_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    told = pytest.raises(ReidbenchError, match=r"cannot read .*none\.json: No such file")
    with told, reading(path, "a car"):
        read_json(path)


def test_an_error_that_is_whole_gets_the_file_s_name(tmp_path: Path) -> None:
    told = pytest.raises(UsageError, match=r"^car\.json: it is too old; repair it$")
    with told, reading(Path("car.json"), "a car", UsageError):
        raise ReidbenchError("it is too old; repair it")


NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab\u00e9\u4e2d"), inner),
    max_leaves=12,
)


@given(VALUES, st.booleans())
def test_what_is_read_quickly_is_what_the_standard_reader_gives(
    tmp_path_factory: pytest.TempPathFactory, value: Any, escaped: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "quick.json"
    path.write_text(json.dumps(value, ensure_ascii=escaped), encoding="utf-8")
    found = read_json(path)
    assert found == json.loads(path.read_bytes())
    assert repr(found) == repr(json.loads(path.read_bytes()))


@pytest.mark.parametrize(
    ("text", "long"),
    [
        ("0.0059768606679361826", False),
        ("[0.0059768606679361826, 1234567890123456789]", True),
        ("-1234567890123456789", True),
        ("1234567890123456789", True),
        ("12345678901234567890.5", True),
        (f"0.{'3' * 40}", True),  # nobody writes it: read as what is not known to be safe
        ("123456789012345678", False),
    ],
)
def test_a_small_fraction_in_full_precision_is_read_quickly(text: str, long: bool) -> None:
    assert has_long_number(text.encode()) is long


@given(st.lists(st.floats(0, 1) | st.floats(0, 1e-3), max_size=8), st.integers(17, 25))
def test_fractions_of_any_number_of_digits_are_what_the_standard_reader_gives(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], digits: int
) -> None:
    path = tmp_path_factory.mktemp("fractions") / "file.json"
    path.write_text(f"[{', '.join(format(v, f'.{digits}f') for v in values)}]")
    assert read_json(path) == json.loads(path.read_text())
