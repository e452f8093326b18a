"""Checks of a plugin as a whole: what it registers, and what it costs to find."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

import click

from reidbench.cli import VERBS
from reidbench.cli.extensions import Extension, extensions
from reidbench.config.benchmark import load_benchmark
from reidbench.config.compose import Request, compose
from reidbench.errors import ReidbenchError
from reidbench.hookspecs import PROJECT
from reidbench.registry.registry import KINDS, Entry
from reidbench.testing.checks.check import (
    PLUGIN,
    FailedCheck,
    PluginSubject,
    SkippedCheck,
    check,
    require,
)
from reidbench.testing.checks.imports import importing_torch


def entries_of(subject: PluginSubject) -> list[Entry]:
    """Return the components that a plugin registered."""
    registry = subject.plugins.registry
    return [e for kind in KINDS for e in registry.entries(kind) if e.plugin == subject.name]


@check(
    PLUGIN,
    why="A plugin that cannot be loaded adds nothing; its names are missing.",
    mend="Follow the message; 'reidbench --debug plugin list' shows the traceback.",
)
def is_loaded(subject: PluginSubject) -> None:
    """Look at the error that loading it gave."""
    (found,) = (p for p in subject.plugins.found if p.name == subject.name)
    require(not found.error, found.error)


@check(
    PLUGIN,
    why="Every command loads every plugin; torch takes seconds.",
    mend="Name classes as 'module:Class' and import torch in those modules alone.",
)
def registers_without_torch(subject: PluginSubject) -> None:
    """Import the module of its entry point in a process of its own."""
    points = [p for p in entry_points(group=PROJECT) if p.name == subject.name]
    if not points:
        raise SkippedCheck("it has no entry point")
    module = points[0].module
    require(not importing_torch((module,)), f"importing {module} imports torch")


@check(
    PLUGIN,
    why="A class that cannot be imported fails in the run that names it.",
    mend="Mend the path 'module:Class' or the module's own error.",
)
def components_can_be_imported(subject: PluginSubject) -> None:
    """Import every class that it registered."""
    for entry in entries_of(subject):
        try:
            entry.load()
        except ReidbenchError as error:
            raise FailedCheck(str(error)) from error


@check(
    PLUGIN,
    why="A method is a recipe that anybody may run: its names, values and parts must fit.",
    mend="Follow the message; values of a method are named 'component.parameter'.",
)
def methods_compose(subject: PluginSubject) -> None:
    """Put every method together on the benchmark mock."""
    registry = subject.plugins.registry
    benchmark = load_benchmark("mock")
    for method in registry.methods():
        if method.plugin != subject.name:
            continue
        try:
            compose(Request(method=method.name), benchmark, registry, {})
        except ReidbenchError as error:
            raise FailedCheck(f"method '{method.name}': {error}") from error


@check(
    PLUGIN,
    why="Verbs are found by their help; a name that is taken hides the plugin's verbs.",
    mend="Give each command a help text (its function's docstring) and a name of its own.",
)
def verbs_explain_themselves(subject: PluginSubject) -> None:
    """Look at the help of each verb that it adds."""
    extension = _extension(subject)
    require(not extension.error, extension.error)
    for name, command in extension.commands.items():
        require(command.get_short_help_str().strip(), f"the verb '{name}' has no help")
        _helped(name, command)


def _helped(name: str, command: click.Command) -> None:
    try:
        command.get_help(click.Context(command, info_name=name))
    except Exception as error:
        problem = f"'{name} --help' fails: {type(error).__name__}: {error}"
        raise FailedCheck(problem) from error


def _extension(subject: PluginSubject) -> Extension:
    added: Mapping[str, Extension] = {
        e.plugin: e for e in extensions(subject.plugins, frozenset(VERBS))
    }
    return added.get(subject.name, Extension(subject.name))
