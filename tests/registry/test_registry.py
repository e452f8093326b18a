from __future__ import annotations

from collections.abc import Callable

import pytest

from reidbench.errors import ReidbenchError, UsageError
from reidbench.registry.registry import KINDS, Broken, Registration, Registry

TARGET = "reidbench.testing.toys:ToyTranslator"


def registered(plugin: str, *names: str) -> Registration:
    registration = Registration(plugin)
    for name in names:
        registration.translator(name, TARGET)
    return registration


@pytest.fixture
def filled() -> Registry:
    registry = Registry()
    registry.add(registered("first", "cyclegan", "stargan"))
    return registry


@pytest.mark.parametrize("kind", KINDS)
def test_components_of_every_kind_are_found_by_name(kind: str) -> None:
    registration = Registration("mine")
    getattr(registration, kind)("x@1.b_c", TARGET, summary="s", paper="p")
    registry = Registry()
    registry.add(registration)
    entry = registry.entry(kind, "x@1.b_c")  # type: ignore[arg-type]
    assert (entry.kind, entry.plugin, entry.summary, entry.paper) == (kind, "mine", "s", "p")
    assert entry.load().__name__ == "ToyTranslator"


def test_names_are_listed_in_order(filled: Registry) -> None:
    filled.add(registered("second", "again"))
    assert [e.name for e in filled.entries("translator")] == ["again", "cyclegan", "stargan"]
    assert list(filled.entries("learner")) == []


def test_a_missing_name_gets_the_nearest(filled: Registry) -> None:
    with pytest.raises(UsageError, match=r"no translator is named 'cylegan'; did you mean 'cyc"):
        filled.entry("translator", "cylegan")
    with pytest.raises(UsageError, match=r"no translator is named 'zzz'; known: cyclegan, stargan"):
        filled.entry("translator", "zzz")
    with pytest.raises(UsageError, match=r"no learner is named 'cyclegan'; none is installed"):
        filled.entry("learner", "cyclegan")
    with pytest.raises(UsageError, match="no method is named 'spgan'"):
        filled.method("spgan")


def test_a_missing_name_may_belong_to_a_broken_plugin(filled: Registry) -> None:
    filled.broken.append(Broken("reidbench-sagan", "ImportError: no module"))
    for ask in (lambda: filled.entry("translator", "sagan"), lambda: filled.method("sagan")):
        with pytest.raises(UsageError, match=r"plugin 'reidbench-sagan' failed.*plugin list"):
            ask()


def test_a_name_that_is_taken_names_both_plugins_and_nothing_is_taken_in(filled: Registry) -> None:
    with pytest.raises(ReidbenchError, match=r"'stargan' of plugin 'second'.*by plugin 'first'"):
        filled.add(registered("second", "fresh", "stargan"))
    assert [e.name for e in filled.entries("translator")] == ["cyclegan", "stargan"]
    assert filled.entry("translator", "stargan").plugin == "first"


def test_a_method_that_is_taken_takes_nothing_in(filled: Registry) -> None:
    mine, theirs = Registration("mine"), registered("theirs", "fresh")
    mine.method("spgan", translator="cyclegan")
    theirs.method("spgan", translator="fresh")
    filled.add(mine)
    with pytest.raises(ReidbenchError, match=r"method 'spgan' of plugin 'theirs'.*plugin 'mine'"):
        filled.add(theirs)
    assert [e.name for e in filled.entries("translator")] == ["cyclegan", "stargan"]
    assert filled.method("spgan").translator == "cyclegan"


def test_a_plugin_cannot_use_a_name_twice(filled: Registry) -> None:
    with pytest.raises(ReidbenchError, match="'new' of plugin 'second' is already registered"):
        filled.add(registered("second", "new", "new"))


def test_different_kinds_have_names_of_their_own(filled: Registry) -> None:
    registration = Registration("second")
    registration.constraint("cyclegan", TARGET)
    registration.method("cyclegan", translator="cyclegan")
    filled.add(registration)
    assert filled.entry("constraint", "cyclegan").plugin == "second"
    assert filled.entry("translator", "cyclegan").plugin == "first"


def method(**parts: str) -> Callable[[Registration], None]:
    return lambda r: r.method(**{"name": "x", "translator": "y", **parts})  # type: ignore[arg-type]


def translator(name: str, target: str = TARGET) -> Callable[[Registration], None]:
    return lambda r: r.translator(name, target)


@pytest.mark.parametrize(
    ("register", "reason"),
    [
        (translator("CycleGAN"), "'CycleGAN' is not a valid name"),
        (translator("a b"), "not a valid name"),
        (translator("a/b"), "not a valid name"),
        (translator(""), "not a valid name"),
        (translator("a@"), "not a valid name"),
        (translator("none"), "cannot be named 'none'"),
        (translator("budget"), "cannot be named 'budget'"),
        (translator("x", "module.Class"), "'module:Class'"),
        (translator("x", "a:b:c"), "'module:Class'"),
        (method(name="A"), "not a valid name"),
        (method(strategy="both"), "strategy 'both' is none of"),
    ],
)
def test_what_a_plugin_registers_wrongly_is_refused(
    register: Callable[[Registration], None], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        register(Registration("mine"))


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("no_such_module:X", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("reidbench.storage.keys:Missing", "AttributeError"),
        ("reidbench.storage.keys:digest", "digest is not a class"),
    ],
)
def test_a_component_that_cannot_be_loaded_names_its_plugin(target: str, reason: str) -> None:
    registration = Registration("mine")
    registration.learner("lost", target)
    registry = Registry()
    registry.add(registration)
    with pytest.raises(
        ReidbenchError, match=f"learner 'lost' of plugin 'mine' cannot be loaded.*{reason}"
    ):
        registry.entry("learner", "lost").load()
