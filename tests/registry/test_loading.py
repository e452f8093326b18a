from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent

import pytest

from reidbench.errors import ReidbenchError, UsageError
from reidbench.registry import loading as plugins
from reidbench.registry.loading import Plugins, load_from, load_plugins
from reidbench.registry.registry import Entry
from reidbench.results.result import load
from reidbench.runs.launch import run_and_record
from reidbench.runs.runner import Session, run_plan
from reidbench.testing.toy_runs import toy_plan

Write = Callable[..., EntryPoint]

GOOD = """
    from reidbench.hookspecs import hookimpl

    @hookimpl
    def reidbench_register(registry):
        registry.translator("{name}", "reidbench.testing.toys:ToyTranslator")
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a module and return an entry point to it."""
    monkeypatch.syspath_prepend(tmp_path)
    modules: list[str] = []

    def make(name: str, source: str = GOOD) -> EntryPoint:
        modules.append(f"plugin_{name}")
        source = dedent(source).replace("{name}", name)
        (tmp_path / f"plugin_{name}.py").write_text(source)
        return EntryPoint(name, f"plugin_{name}", "reidbench")

    yield make
    for module in modules:
        sys.modules.pop(module, None)


def translators(found: Plugins) -> list[str]:
    """Return the translators beside the core's own."""
    every = found.registry.entries("translator")
    return [e.name for e in every if e.plugin != "reidbench"]


def hooked(found: Plugins) -> set[str]:
    """Return the plugins that any hook would call."""
    hooks = [h for n, h in vars(found.manager.hook).items() if n.startswith("reidbench_")]
    return {impl.plugin_name for hook in hooks for impl in hook.get_hookimpls()}


def test_the_core_registers_itself() -> None:
    found = load_from([])
    assert [(p.name, p.error) for p in found.found] == [("reidbench", "")]
    assert [e.name for e in found.registry.entries("protocol")] == [
        "all-but-self",
        "market1501",
        "multi-query",
        "no-camera",
        "single-gallery-shot",
        "single-shot",
    ]
    assert [m.name for m in found.registry.methods()] == [
        "direct",
        "perfect",
        "perfect-colour",
        "perfect-place",
        "perfect-viewpoint",
        "supervised",
    ]
    for kind in ("dataset", "protocol", "translator"):
        assert all(e.load() for e in found.registry.entries(kind))


def test_plugins_are_found_by_their_entry_points(write: Write) -> None:
    found = load_from([write("one"), write("two")])
    assert translators(found) == ["one", "two"]
    assert found.registry.entry("translator", "two").plugin == "two"
    assert [p.name for p in found.found] == ["reidbench", "one", "two"]
    assert found.registry.broken == []


BROKEN = {
    "import": ("import no_such_package", "ModuleNotFoundError"),
    "syntax": ("def (:", "SyntaxError"),
    "leaving": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "leaving_late": (GOOD + "\n        raise SystemExit\n", "SystemExit"),
    "raising": (
        """
        from reidbench.hookspecs import hookimpl

        @hookimpl
        def reidbench_register(registry):
            registry.translator("half", "reidbench.testing.toys:ToyTranslator")
            raise RuntimeError("on\\nthe way")
        """,
        "RuntimeError: on the way",
    ),
    "signature": (
        """
        from reidbench.hookspecs import hookimpl

        @hookimpl
        def reidbench_commands(cli):
            pass

        @hookimpl
        def reidbench_register(registry, extra):
            pass
        """,
        "PluginValidationError",
    ),
    "misspelled": (
        GOOD + "\n    @hookimpl\n    def reidbench_stage_finnished(artifact):\n        pass\n",
        "unknown hook 'reidbench_stage_finnished'",
    ),
    "name": (GOOD.replace("{name}", "Upper Case"), "not a valid name"),
    "keyword": (GOOD.replace("registry.translator(", "registry.gan("), "AttributeError"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_kept_as_data_and_stops_nobody(write: Write, kind: str) -> None:
    source, reason = BROKEN[kind]
    found = load_from([write("before"), write(kind, source), write("later")])
    assert translators(found) == ["before", "later"]
    assert hooked(found) == {"reidbench", "before", "later"}
    broken = found.found[2]
    assert broken.name == kind
    assert reason in broken.error
    assert "\n" not in broken.error
    assert "Traceback" in broken.trace
    with pytest.raises(UsageError, match=rf"no translator is named 'half'.*plugin '{kind}' failed"):
        found.registry.entry("translator", "half")


def test_the_later_of_two_plugins_with_one_name_breaks(write: Write) -> None:
    twin = write("second", GOOD.replace("{name}", "first"))
    found = load_from([write("first"), twin])
    assert translators(found) == ["first"]
    assert hooked(found) == {"reidbench", "first"}
    (broken,) = found.registry.broken
    assert broken.plugin == "second"
    assert "'first' of plugin 'second' is already registered by plugin 'first'" in broken.error


def test_a_plugin_cannot_take_a_name_of_the_core(write: Write) -> None:
    source = GOOD.replace('translator("{name}"', 'dataset("synthetic"')
    found = load_from([write("greedy", source)])
    assert "already registered by plugin 'reidbench'" in found.registry.broken[0].error
    assert found.registry.entry("dataset", "synthetic").plugin == "reidbench"


def test_a_module_named_by_two_entry_points_counts_once(write: Write) -> None:
    point = write("one")
    found = load_from([point, EntryPoint("two", point.value, "reidbench"), point])
    assert translators(found) == ["one"]
    assert hooked(found) == {"reidbench", "one"}
    assert [b.plugin for b in found.registry.broken] == ["two", "one"]
    assert "the plugin 'one' is loaded already" in found.registry.broken[0].error


def test_a_class_that_cannot_be_imported_breaks_only_its_use(write: Write) -> None:
    source = GOOD.replace("reidbench.testing.toys:ToyTranslator", "plugin_lazy.deep:Gan")
    found = load_from([write("lazy", source)])
    assert found.registry.broken == []
    with pytest.raises(ReidbenchError, match="'lazy' of plugin 'lazy' cannot be loaded"):
        found.registry.entry("translator", "lazy").load()


def test_installed_plugins_are_loaded_in_the_order_of_their_names(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = [write("b"), write("a")]
    asked: list[str] = []

    def installed(group: str) -> list[EntryPoint]:
        asked.append(group)
        return points

    monkeypatch.setattr(plugins, "entry_points", installed)
    load_plugins.cache_clear()
    try:
        found = load_plugins()
        assert load_plugins() is found
    finally:
        load_plugins.cache_clear()
    assert [p.name for p in found.found] == ["reidbench", "a", "b"]
    assert asked == ["reidbench"]


def test_the_distribution_of_a_plugin_is_told(tmp_path: Path, write: Write) -> None:
    write("packed")
    info = tmp_path / "reidbench_packed-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: reidbench-packed\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[reidbench]\npacked = plugin_packed\n")
    distribution = importlib.metadata.Distribution.at(info)
    found = load_from(list(distribution.entry_points)).found[1]
    assert (found.name, found.distribution, found.version) == ("packed", "reidbench-packed", "1.2")


LISTENER = """
    from reidbench.hookspecs import hookimpl

    heard = []

    @hookimpl
    def reidbench_stage_finished(artifact, reused):
        heard.append((artifact.key.partition("/")[0], reused, (artifact.path).is_dir()))
"""


def test_a_plugin_hears_of_every_stage(write: Write, session: Session) -> None:
    found = load_from([write("listener", LISTENER)])
    heard = sys.modules["plugin_listener"].heard
    listening = replace(session, hooks=found.manager.hook)
    plan = toy_plan()
    run_plan(plan, listening)
    kinds = [s.kind for s in plan.stages]
    assert heard == [(k, False, True) for k in kinds]
    heard.clear()
    run_plan(plan, listening)
    assert heard == [(k, True, True) for k in kinds]


DEAF = """
    from reidbench.hookspecs import hookimpl

    @hookimpl
    def reidbench_stage_finished(reused):
        raise RuntimeError("the tracker is down")
"""


def test_a_plugin_that_fails_to_listen_is_named_and_hides_nothing_from_others(
    write: Write, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    found = load_from([write("one", DEAF), write("listener", LISTENER), write("two", DEAF)])
    plan = toy_plan()
    run_plan(plan, replace(session, hooks=found.manager.hook))
    assert len(sys.modules["plugin_listener"].heard) == len(plan.stages)
    for name in ("one", "two"):
        assert f"plugin '{name}' failed in the hook reidbench_stage_finished" in caplog.text
    assert "the tracker is down" in caplog.text


def test_a_plugin_registers_what_a_run_uses(write: Write) -> None:
    source = GOOD + '        registry.method("{name}-run", translator="{name}", learner="toy")\n'
    registry = load_from([write("user", source)]).registry
    assert registry.method("user-run").plugin == "user"
    assert registry.entry("translator", registry.method("user-run").translator).load()().lr == 0.01


LEAVERS = {
    "exit": "import sys; sys.exit(0)",
    "generator": "raise GeneratorExit",
    "own": "class Stop(BaseException): pass\nraise Stop('enough')",
}


@pytest.mark.parametrize("kind", LEAVERS)
def test_whatever_a_plugin_raises_at_import_it_alone_is_broken(write: Write, kind: str) -> None:
    found = load_from([write(f"leaves_{kind}", LEAVERS[kind]), write("later")])
    assert translators(found) == ["later"]
    assert [p.name for p in found.found if p.error] == [f"leaves_{kind}"]


def test_an_interrupted_import_interrupts_and_names_the_plugin(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(KeyboardInterrupt):
        load_from([write("endless", "raise KeyboardInterrupt")])
    assert "interrupted while plugin 'endless' was loading; REIDBENCH_PLUGINS says" in caplog.text


def test_what_a_plugin_prints_while_it_loads_is_not_on_standard_output(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    found = load_from([write("loud", "print('hello')\n" + dedent(GOOD))])
    source = "print('components too')\nfrom reidbench.testing.toys import ToyTranslator as Deep\n"
    write("deep", source)
    found.registry._entries["translator", "deep"] = Entry(
        "translator", "deep", "plugin_deep:Deep", "loud"
    )
    found.registry.entry("translator", "deep").load()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "hello\ncomponents too\n"


def test_a_plugin_that_loads_slowly_is_named_while_it_does(
    write: Write, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(plugins, "SLOW", 0.05)
    load_from([write("slow", "import time\ntime.sleep(0.3)\n"), write("quick")])
    assert "plugin 'slow' is still loading after 0.05 s; REIDBENCH_PLUGINS says" in caplog.text
    assert "'quick'" not in caplog.text


@pytest.mark.parametrize(
    ("chosen", "loaded"),
    [("one, three", ["one", "three"]), ("", []), ("bundled", []), (None, ["one", "three", "two"])],
)
def test_the_environment_chooses_the_plugins(
    write: Write, monkeypatch: pytest.MonkeyPatch, chosen: str | None, loaded: list[str]
) -> None:
    if chosen is not None:
        monkeypatch.setenv("REIDBENCH_PLUGINS", chosen)
    found = load_from([write("one"), write("two"), write("three")])
    assert translators(found) == loaded
    left_out = [p for p in found.found if p.error]
    assert len(left_out) == 3 - len(loaded)
    assert all("left out: REIDBENCH_PLUGINS does not name it" in p.error for p in left_out)


def test_the_environment_can_choose_all_of_the_projects_own(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REIDBENCH_PLUGINS", "bundled")
    found = load_from([write("one"), *importlib.metadata.entry_points(group="reidbench")])
    assert [p.name for p in found.found if p.error] == ["one"]
    assert found.registry.entry("learner", "ide").plugin == "ide"


CLEARING = """
    from reidbench.hookspecs import hookimpl

    @hookimpl
    def reidbench_stage_finished(artifact):
        artifact.manifest.clear()

    @hookimpl
    def reidbench_result(result):
        for part in (result.scores, result.recipe, result.execution, result.benchmark):
            part.clear()
"""


def test_a_listener_that_clears_what_it_is_given_breaks_nothing(
    write: Write, session: Session, tmp_path: Path
) -> None:
    found = load_from([write("vandal", CLEARING), write("listener", LISTENER)])
    done = run_and_record(toy_plan(), replace(session, hooks=found.manager.hook), tmp_path / "out")
    assert done.result.scores["mAP"] > 0
    assert load(done.path).to_dict() == done.result.to_dict()
    assert all(done.outcome.artifact(s).manifest["files"] for s in done.outcome.plan.ends)
    assert sys.modules["plugin_listener"].heard


LEAVING_LISTENER = """
    from reidbench.hookspecs import hookimpl

    @hookimpl
    def reidbench_stage_finished(artifact):
        raise GeneratorExit
"""


def test_a_listener_cannot_end_a_run(
    write: Write, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    found = load_from([write("leaver", LEAVING_LISTENER)])
    run_plan(toy_plan(), replace(session, hooks=found.manager.hook))
    assert "plugin 'leaver' failed in the hook reidbench_stage_finished" in caplog.text
