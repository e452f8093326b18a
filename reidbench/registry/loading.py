"""Discovery: entry points are loaded one by one, and a broken one stops nothing."""

from __future__ import annotations

import logging
import traceback
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
    """Tell each plugin what happened; one that fails is named in the log and stops nothing."""
    for listener in hook.get_hookimpls():
        # Called as a whole, a hook would leave out whoever comes after the one that fails.
        try:
            listener.function(*(news[name] for name in listener.argnames))
        except (Exception, SystemExit):
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
    try:
        _register(manager, registry, point.load(), Registration(point.name, origin))
    except (Exception, SystemExit) as error:  # whatever a plugin does wrong stays its own trouble
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return told(error=reason, trace=traceback.format_exc())
    return told()


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
    except (Exception, SystemExit):
        if manager.is_registered(plugin):
            manager.unregister(plugin)
        raise
