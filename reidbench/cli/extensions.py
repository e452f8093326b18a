"""Verbs that plugins add. A plugin whose verbs cannot be had stops nothing."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, field

import click

from reidbench.registry.loading import Plugins


@dataclass(frozen=True)
class Extension:
    """The commands that one plugin adds to the command line.

    Attributes:
        commands: its verbs by name; empty if there was an error.
        error: why they could not be had, in one line.
    """

    plugin: str
    commands: dict[str, click.Command] = field(default_factory=dict)
    error: str = ""


def extensions(plugins: Plugins, taken: frozenset[str]) -> list[Extension]:
    """Return what each plugin adds; a verb that is ``taken`` breaks the plugin that repeats it."""
    found: list[Extension] = []
    for name, _ in plugins.manager.list_name_plugin():
        extension = _extension(plugins, name, taken)
        found.append(extension)
        taken |= extension.commands.keys()
    return [e for e in found if e.commands or e.error]


def find_verb(plugins: Plugins, taken: frozenset[str], name: str) -> click.Command | None:
    """Return the verb that a plugin added under ``name``, if one did."""
    for extension in extensions(plugins, taken):
        if name in extension.commands:
            return extension.commands[name]
    return None


def troubled(plugins: Plugins, taken: frozenset[str]) -> list[str]:
    """Return the plugins that may have held a missing verb."""
    failed = (e.plugin for e in extensions(plugins, taken) if e.error)
    return [*(b.plugin for b in plugins.registry.broken), *failed]


def _extension(plugins: Plugins, name: str, taken: frozenset[str]) -> Extension:
    group = click.Group(name)
    others = [p for n, p in plugins.manager.list_name_plugin() if n != name]
    try:
        with redirect_stdout(sys.stderr):  # stdout may carry JSON
            plugins.manager.subset_hook_caller("reidbench_commands", others)(cli=group)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a plugin does wrong stays its own trouble
        return Extension(name, error=" ".join(f"{type(error).__name__}: {error}".split()))
    if repeated := sorted(group.commands.keys() & taken):
        return Extension(name, error=f"the verb '{repeated[0]}' is already there")
    return Extension(name, dict(group.commands))
