"""Discovery: entry points are loaded one by one, and a broken one stops nothing."""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points

import pluggy

from reidbench import hookspecs
from reidbench.errors import ReidbenchError
from reidbench.hookspecs import PROJECT
from reidbench.registry import builtin
from reidbench.registry.origin import OWN, origin_of
from reidbench.registry.registry import Broken, Registration, Registry

logger = logging.getLogger(__name__)

CHOSEN = "REIDBENCH_PLUGINS"
"""Environment variable that names the plugins to load, with commas; by default all are."""
ALL_BUNDLED = "bundled"
"""In it the word for all of the project's own."""
HOW_TO_CHOOSE = f"{CHOSEN} says which plugins are loaded, e.g. {CHOSEN}={ALL_BUNDLED}"
SLOW = 2.0
"""Seconds after which a plugin that is still loading is named."""


@dataclass(frozen=True)
class Plugin:
    """A plugin that was found.

    Attributes:
        distribution: the installed distribution it came in.
        error: why it could not be loaded, in one line; empty if it was.
        trace: the traceback behind the error.
        bundled: True for the project's own, which are loaded first.
    """

    name: str
    distribution: str
    version: str
    error: str = ""
    trace: str = ""
    bundled: bool = False


@dataclass(frozen=True)
class Plugins:
    """Everything that discovery found."""

    registry: Registry
    found: tuple[Plugin, ...]
    manager: pluggy.PluginManager


def notify(hook: pluggy.HookCaller, **news: object) -> None:
    """Tell each plugin what happened; one that fails is named in the log and stops nothing.

    Each gets a copy of its own: what it does with it changes nothing.
    """
    for listener in hook.get_hookimpls():
        # Called as a whole, a hook would leave out whoever comes after the one that fails.
        try:
            told = deepcopy(news)
            with redirect_stdout(sys.stderr):
                listener.function(*(told[name] for name in listener.argnames))
        except KeyboardInterrupt:
            raise
        except BaseException:
            who = listener.plugin_name
            logger.warning("plugin '%s' failed in the hook %s", who, hook.name, exc_info=True)


@cache
def load_plugins() -> Plugins:
    """Return the installed plugins; they are loaded once a process.

    Returns:
        The registry of their components and methods, and each plugin that was found; one that
        cannot be loaded is kept with its error.

    Example:
        >>> import reidbench
        >>> plugins = reidbench.load_plugins()
        >>> plugins.found[0].name
        'reidbench'
        >>> plugins.registry.method("direct").learner
        'ide'
    """
    points = sorted(entry_points(group=PROJECT), key=lambda p: (p.name, p.value))
    return load_from(points)


def load_from(points: list[EntryPoint]) -> Plugins:
    """Load the built-in components and then each entry point, the project's own before others.

    Otherwise they are loaded in the order given: where two want a name, the later one breaks.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    registry = Registry()
    _register(manager, registry, builtin, Registration("reidbench"))
    found = [Plugin("reidbench", OWN.distribution, OWN.version, bundled=True)]
    ordered = sorted(points, key=lambda point: not origin_of(point).bundled)
    found += [_load(point, manager, registry) for point in ordered]
    registry.broken += [Broken(p.name, p.error) for p in found if p.error]
    return Plugins(registry, tuple(found), manager)


def _load(point: EntryPoint, manager: pluggy.PluginManager, registry: Registry) -> Plugin:
    origin = origin_of(point)
    told = partial(Plugin, point.name, origin.distribution, origin.version, bundled=origin.bundled)
    if not _wanted(point):
        return told(error=f"left out: {CHOSEN} does not name it")
    try:
        with redirect_stdout(sys.stderr), _told_if_slow(point.name):  # stdout may carry JSON
            _register(manager, registry, point.load(), Registration(point.name, origin))
    except KeyboardInterrupt:
        logger.warning("interrupted while plugin '%s' was loading; %s", point.name, HOW_TO_CHOOSE)
        raise
    except BaseException as error:  # whatever a plugin does wrong stays its own trouble
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return told(error=reason, trace=traceback.format_exc())
    return told()


def _wanted(point: EntryPoint) -> bool:
    """Return whether the environment leaves a plugin in."""
    if (chosen := os.environ.get(CHOSEN)) is None:
        return True
    names = {name.strip() for name in chosen.split(",")}
    return point.name in names or (ALL_BUNDLED in names and origin_of(point).bundled)


@contextmanager
def _told_if_slow(name: str) -> Iterator[None]:
    """Name a plugin that takes long to load, while it does."""
    line = "plugin '%s' is still loading after %g s; %s"
    timer = threading.Timer(SLOW, logger.warning, (line, name, SLOW, HOW_TO_CHOOSE))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _register(
    manager: pluggy.PluginManager, registry: Registry, plugin: object, registration: Registration
) -> None:
    name = registration.plugin
    if manager.has_plugin(name) or manager.is_registered(plugin):
        raise ReidbenchError(f"the plugin '{manager.get_name(plugin) or name}' is loaded already")
    try:
        manager.register(plugin, name)
        manager.check_pending()
        others = [p for p in manager.get_plugins() if p is not plugin]
        manager.subset_hook_caller("reidbench_register", others)(registry=registration)
        registry.add(registration)
    except BaseException:
        if manager.is_registered(plugin):
            manager.unregister(plugin)
        raise
