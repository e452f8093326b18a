"""``reidbench plugin check``: the checks of plugins as a table."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from reidbench.cli import options

if TYPE_CHECKING:
    from reidbench.testing.checks import Outcome

FAILURES = ("Part", "Check", "What failed", "Why it matters", "How to mend it")
SKIPS = ("Skipped", "Checks", "Why")


@click.command("check")
@click.argument("name", required=False)
@click.option("--bundled", is_flag=True, help="Check the plugins that come with reidbench.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME.PARAMETER=VALUE",
    help="Check with this value, e.g. mine.root=FOLDER for a dataset; repeatable.",
)
@click.option("--record", is_flag=True, help="Record golden values beside the code; check nothing.")
@options.as_json
@click.pass_context
def check_plugins(
    ctx: click.Context,
    name: str | None,
    bundled: bool,
    settings: tuple[str, ...],
    record: bool,
    as_json: bool,
) -> None:
    """Check plugins for the mistakes that authors make, and say how to mend each.

    NAME is a plugin, a distribution or a component; without it all plugins are checked that do not
    come with reidbench. Components are built small, as on the benchmark mock, and trained for a
    few steps. Exit code 1 if a check fails.

    \b
    Examples:
      reidbench plugin check mine
      reidbench plugin check mine --set mine.root=data
      reidbench plugin check mine --record
      reidbench plugin check --bundled --json
    """
    from reidbench.config.compose import parse_setting
    from reidbench.errors import UsageError
    from reidbench.registry.loading import load_plugins
    from reidbench.testing import checks

    if name is not None and bundled:
        raise UsageError("--bundled takes no NAME")
    values = dict(parse_setting(text) for text in settings)
    subjects = checks.find_subjects(load_plugins(), name, bundled=bundled, settings=values)
    if record:
        parts = [s for s in subjects if isinstance(s, checks.Subject)]
        for path in checks.record_golden_values(parts):
            click.echo(path)
        return
    found = [outcome for subject in subjects for outcome in checks.run_checks(subject)]
    if as_json:
        click.echo(json.dumps([asdict(outcome) for outcome in found], indent=2))
    else:
        _show(found)
    if any(outcome.status == "failed" for outcome in found):
        ctx.exit(1)


def _show(found: list[Outcome]) -> None:
    from reidbench.cli.tables import show_table

    if not found:
        click.echo(
            "no plugin is installed but those that come with reidbench; "
            "'reidbench plugin check --bundled' checks these"
        )
        return
    failed = [o for o in found if o.status == "failed"]
    if failed:
        show_table(
            "Failed", FAILURES, [(o.part, o.check, o.message, o.why, o.mend) for o in failed]
        )
    skips: dict[tuple[str, str], list[str]] = {}
    for o in found:
        if o.status == "skipped":
            skips.setdefault((o.part, o.message), []).append(o.check)
    if skips:
        rows = [(part, ", ".join(names), reason) for (part, reason), names in skips.items()]
        show_table("Skipped", SKIPS, rows)
    count = Counter(o.status for o in found)
    parts = len({o.part for o in found})
    click.echo(
        f"{parts} part{'s' if parts > 1 else ''}: {count['passed']} checks passed, "
        f"{count['failed']} failed, {count['skipped']} skipped"
    )
