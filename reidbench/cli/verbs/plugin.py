"""``reidbench plugin``: what is installed, whether it keeps its promises, and a first draft."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from reidbench.cli import VERBS, options
from reidbench.cli.verbs.plugin_check import check_plugins
from reidbench.cli.verbs.plugin_new import new_plugin

if TYPE_CHECKING:
    from reidbench.registry.loading import Plugins


@click.group("plugin")
def command() -> None:
    """Show, check and begin plugins."""


command.add_command(check_plugins)
command.add_command(new_plugin)


@command.command("list")
@options.as_json
@click.pass_context
def list_plugins(ctx: click.Context, as_json: bool) -> None:
    """Show the plugins, what each adds, and why a broken one could not be loaded.

    A component's own version stands after its name. It is read from the source; "?" is one that
    the source does not state plainly.

    \b
    Examples:
      reidbench plugin list
      reidbench --debug plugin list     (with the tracebacks of the broken ones)
    """
    from reidbench.registry.loading import load_plugins

    rows = _rows(load_plugins())
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    _show(rows)
    if ctx.find_root().params.get("debug"):
        for row in rows:
            click.echo(row["trace"], nl=False)


def _rows(plugins: Plugins) -> list[dict[str, Any]]:
    from reidbench.cli.extensions import extensions

    added = {e.plugin: e for e in extensions(plugins, frozenset(VERBS))}
    rows = []
    for plugin in plugins.found:
        extension = added.get(plugin.name)
        row = {
            **vars(plugin),
            "error": plugin.error or (extension.error if extension else ""),
            "components": _components(plugins, plugin.name),
            "versions": _versions(plugins, plugin.name),
            "verbs": sorted(extension.commands) if extension else [],
        }
        rows.append(row)
    return rows


def _components(plugins: Plugins, name: str) -> dict[str, list[str]]:
    """Return the names of what a plugin registered, by kind."""
    from reidbench.registry.registry import KINDS

    registry = plugins.registry
    found = {"method": [m.name for m in registry.methods() if m.plugin == name]}
    for kind in KINDS:
        found[kind] = [e.name for e in registry.entries(kind) if e.plugin == name]
    return {kind: names for kind, names in found.items() if names}


def _versions(plugins: Plugins, name: str) -> dict[str, dict[str, int | None]]:
    """Return the versions of a plugin's components, by kind and name; methods have none."""
    from reidbench.registry.registry import KINDS
    from reidbench.registry.versions import version_of

    own = [e for kind in KINDS for e in plugins.registry.entries(kind) if e.plugin == name]
    found = {kind: {e.name: version_of(e.target) for e in own if e.kind == kind} for kind in KINDS}
    return {kind: versions for kind, versions in found.items() if versions}


def _show(rows: list[dict[str, Any]]) -> None:
    from reidbench.cli.tables import show_table

    def adds(row: dict[str, Any]) -> str:
        numbered = {
            kind: [f"{name} v{'?' if v is None else v}" for name, v in versions.items()]
            for kind, versions in row["versions"].items()
        }
        parts = {**row["components"], **numbered, "verb": row["verbs"]}
        return "; ".join(f"{kind} {', '.join(names)}" for kind, names in parts.items() if names)

    def told(row: dict[str, Any]) -> tuple[str, ...]:
        whose = "the project's" if row["bundled"] else "another's"
        state = "broken" if row["error"] else "works"
        return row["name"], row["distribution"], row["version"], whose, state, adds(row)

    headings = ("Plugin", "Distribution", "Version", "Whose", "State", "Adds")
    show_table("Plugins", headings, map(told, rows))
    for row in rows:
        if row["error"]:
            click.echo(f"{row['name']} is broken: {row['error']}")
