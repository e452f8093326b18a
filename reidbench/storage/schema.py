"""Typed reading of TOML and JSON files: one check of their shape, and errors in plain words.

A format is a msgspec struct or a dataclass whose fields' types are all that a file must hold.
Errors say the file, the place within it as its writer sees it, and what belongs there.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import reprlib
import stat
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
from msgspec import inspect

from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.storage.keys import JSON

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

Text = Annotated[str, msgspec.Meta(min_length=1, description="a text that is not empty")]

_PROBLEM = re.compile(r"(?P<text>.*?)(?: - at `\$(?P<place>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<item>\d+|\.\.\.)\]")
_MISSING = re.compile(r"Object missing required field `(.*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISFIT = re.compile(r"Expected |Invalid enum value ")
_NAMES = ("label", "name")  # by which the writer of a list of tables knows each

_DIGITS = bytes(b"0"[0] if chr(code).isdigit() and code < 128 else code for code in range(256))
_TOO_LONG = 19  # digits of which not every whole number has 64 bits
LONGEST = 20  # digits of a whole number of 64 bits, or of 19 and a sign

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


class SchemaError(ReidbenchError, ValueError):
    """A file's content is not of its format; says where and what belongs there."""


@contextmanager
def reading(path: Path, what: str, error: type[ReidbenchError] = ReidbenchError) -> Iterator[None]:
    """Name the file in whatever its reading raises.

    Args:
        path: of the file.
        what: it should be, with its article, e.g. ``"a study"``.
        error: that is raised.

    Raises:
        ReidbenchError: of the class ``error``.
    """
    try:
        yield
    except OSError as problem:
        raise error(f"cannot read {path}: {problem.strerror}") from problem
    except (ValueError, RecursionError) as problem:
        raise error(f"{path} is not {what}: {problem}") from problem
    except ReidbenchError as problem:
        raise error(f"{path}: {problem}") from problem


def read_toml(path: Path) -> dict[str, JSON]:
    """Return the content of a TOML file that holds nothing but what JSON can hold.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no TOML, or holds a date, an infinity, NaN or a huge whole number.
    """
    raw = tomllib.loads(read_bytes(path).decode())
    _refuse_foreign(raw, "")
    return raw


def read_json(path: Path) -> JSON:
    """Return the content of a JSON file.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no JSON; an infinity or NaN is none. Nor are whole numbers beyond 64
            bits and halves of characters, which JSON could hold.
        RecursionError: if it is nested too deep.
    """
    content = read_bytes(path)
    if not has_long_number(content):  # of which msgspec would take any
        with contextlib.suppress(ValueError, RecursionError):
            return msgspec.json.decode(content)
    # What is wrong with it the standard reader says, which is ten times slower.
    value: JSON = json.loads(content, parse_constant=_refuse_constant, parse_int=whole_number)
    if b"\\u" in content:
        _refuse_half_characters(value)
    return value


def convert(raw: JSON, form: type[T]) -> T:
    """Return plain values as a struct or dataclass; nothing is coerced but whole numbers to float.

    Raises:
        SchemaError: saying the place within ``raw`` and what belongs there.
    """
    try:
        return msgspec.convert(raw, form, strict=True)
    except msgspec.ValidationError as error:
        raise SchemaError(_plain_words(str(error), raw, form)) from error


def with_shared(entry: S, shared: msgspec.Struct, names: Iterable[str]) -> S:
    """Return an entry of a list with the values of the whole for the fields that it leaves None."""
    left = (name for name in names if getattr(entry, name) is None)
    return msgspec.structs.replace(entry, **{name: getattr(shared, name) for name in left})


def _plain_words(problem: str, raw: JSON, form: type[Any]) -> str:
    """Return msgspec's message as the writer of the file understands it."""
    found = _PROBLEM.fullmatch(problem)
    text, place = (found["text"], found["place"] or "") if found else (problem, "")
    context, name, value, expected = _walk(place, raw, form)
    if missing := _MISSING.fullmatch(text):
        belongs = _words(_child(expected, missing[1]))
        return f"{context}'{_joined(name, missing[1])}' is missing: it must be {belongs}"
    if unknown := _UNKNOWN.fullmatch(text):
        near = did_you_mean(unknown[1], _fields(expected))
        return f"{context}no key is named '{_joined(name, unknown[1])}'{near}"
    if not _MISFIT.match(text):  # a check of the struct's own
        return f"{context}{name + ': ' if name else ''}{text}"
    subject = f"'{name}'" if name else "it"
    if isinstance(value, str) and (choices := _choices(expected)):
        return f"{context}{subject} cannot be '{value}'{did_you_mean(value, choices)}"
    return f"{context}{subject} must be {_words(expected)}, not {_short.repr(value)}"


def _walk(place: str, raw: JSON, form: type[Any]) -> tuple[str, str, JSON, Any]:
    """Follow msgspec's path, such as ``.run[0].label``.

    Returns:
        The tables of lists on the way, in words; the dotted name below the last of them; the value
        that stands there; and its type, as ``msgspec.inspect`` describes it.
    """
    context, name, value, expected = "", "", raw, inspect.type_info(form)
    for step in _STEP.finditer(place):
        key = step["name"] or step["item"]
        expected, value = _child(expected, key), _value(value, key)
        if step["name"]:
            name = _joined(name, key)
        elif key.isdigit() and isinstance(value, dict):
            known = next((value[n] for n in _NAMES if isinstance(value.get(n), str)), None)
            context += f"{name} '{known}': " if known else f"{name} {int(key) + 1}: "
            name = ""
        else:
            name += f"[{key}]"
    return context, name, value, expected


def _joined(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _value(value: JSON, key: str) -> JSON:
    if isinstance(value, dict):
        return value.get(key)
    return value[int(key)] if isinstance(value, list | tuple) and key.isdigit() else None


def _alternatives(expected: Any) -> list[Any]:
    """Return the types that a type stands for, without their descriptions and without None."""
    if isinstance(expected, inspect.Metadata):
        return _alternatives(expected.type)
    if isinstance(expected, inspect.UnionType):
        each = (t for t in expected.types if not isinstance(t, inspect.NoneType))
        return [inner for t in each for inner in _alternatives(t)]
    return [expected]


def _fields(expected: Any) -> dict[str, Any]:
    """Return the types of a table's keys; empty for what has none of its own."""
    each = (f for t in _alternatives(expected) for f in getattr(t, "fields", ()))
    return {f.encode_name: f.type for f in each}


def _child(expected: Any, key: str) -> Any:
    """Return the type of what stands under a key or index; None if any value may."""
    if key in (fields := _fields(expected)):
        return fields[key]
    for each in _alternatives(expected):
        if items := getattr(each, "item_types", ()):  # a tuple of so many
            return items[0]
        for kind in ("item_type", "value_type"):
            if hasattr(each, kind):
                return getattr(each, kind)
    return None


def _choices(expected: Any) -> list[str]:
    return [v for t in _alternatives(expected) for v in getattr(t, "values", ()) if v != ""]


def _words(expected: Any) -> str:
    """Return a type in words: its own description, or one by its kind."""
    if isinstance(expected, inspect.Metadata):
        return str((expected.extra_json_schema or {}).get("description") or _words(expected.type))
    if isinstance(expected, inspect.UnionType):
        each = [t for t in expected.types if not isinstance(t, inspect.NoneType)]
        return " or ".join(map(_words, each))
    if isinstance(expected, inspect.LiteralType):
        return " or ".join(repr(value) for value in expected.values if value != "")
    if items := getattr(expected, "item_types", ()):
        return f"a list of {len(items)}"
    kinds: dict[Any, str] = {
        inspect.StrType: "a text",
        inspect.IntType: "a whole number",
        inspect.FloatType: "a number",
        inspect.BoolType: "true or false",
        inspect.DictType: "a table",
        inspect.StructType: "a table",
        inspect.DataclassType: "a table",
    }
    return kinds.get(type(expected), "a list" if hasattr(expected, "item_type") else "a value")


def _refuse_foreign(value: Any, name: str) -> None:
    """Refuse what JSON has no word for; results and keys could not hold it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_foreign(inner, _joined(name, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _refuse_foreign(inner, f"{name}[{number}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise SchemaError(f"'{name}' is {value}; write a finite number")
    elif isinstance(value, int) and abs(value) >= 2**64:
        raise SchemaError(f"'{name}' is a whole number that is too large")
    elif not isinstance(value, str | int | float):
        raise SchemaError(f"'{name}' is the date or time {value}; write it as a text")


def read_bytes(path: str | Path) -> bytes:
    """Return the content of a file.

    Raises:
        OSError: if it cannot be read, or is a pipe, which might never end.
    """
    with FileIO(os.open(path, os.O_RDONLY | os.O_NONBLOCK)) as file:  # a pipe opens at once
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is a device or a pipe, and no file")
        return file.readall()


def whole_number(digits: str) -> int:
    """Return the number of a JSON text; raises ``ValueError`` beyond 64 bits."""
    if len(digits) > LONGEST or abs(int(digits)) >= 2**64:
        raise ValueError(f"the whole number {digits[:12]}... of {len(digits)} digits is too large")
    return int(digits)


def has_long_number(content: bytes) -> bool:
    """Return True if many digits follow one another elsewhere than behind a point.

    Behind one they are a fraction's, as of a small number in full precision.
    """
    run, digits = b"0" * _TOO_LONG, content.translate(_DIGITS)
    at = digits.find(run)
    while at >= 0:
        if content[at - 1 : at] != b".":
            return True
        at = digits.find(run, at + _TOO_LONG)
    return False


def _refuse_half_characters(value: JSON) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        raise ValueError(f"{half} is half of a character; write the other half too") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
