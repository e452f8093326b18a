"""Running the checks: over what they go, and what came of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.registry.loading import Plugin, Plugins
from reidbench.registry.registry import KINDS, Entry
from reidbench.storage.keys import JSON
from reidbench.testing.checks.check import (
    CHECKS,
    Check,
    FailedCheck,
    PluginSubject,
    SkippedCheck,
    Subject,
)

Subjects = list[Subject | PluginSubject]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a check.

    Attributes:
        part: kind and name of what was checked.
        status: outcome; "skipped" where the check does not apply.
        message: the mistake, or why it was skipped.
    """

    part: str
    check: str
    status: Literal["passed", "failed", "skipped"]
    message: str
    why: str
    mend: str


def checks_of(subject: Subject | PluginSubject) -> list[Check]:
    """Return the checks of a subject, in the order in which they run."""
    return [c for c in CHECKS if subject.kind in c.kinds]


def find_check(name: str, kind: str) -> Check:
    """Return a check by its name.

    Raises:
        UsageError: with the nearest name.
    """
    known = {c.name: c for c in CHECKS if kind in c.kinds}
    if name not in known:
        raise UsageError(f"no check of a {kind} is named '{name}'{did_you_mean(name, known)}")
    return known[name]


def run_check(check: Check, subject: Subject | PluginSubject) -> Outcome:
    """Make one check; whatever a component raises is a mistake of its own."""
    status: Literal["passed", "failed", "skipped"] = "failed"
    message = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check.function(subject)
        status = "passed"
    except SkippedCheck as reason:
        status, message = "skipped", str(reason)
    except FailedCheck as problem:
        message = str(problem)
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        message = f"raised {type(error).__name__}: {text}"
    return Outcome(subject.title, check.name, status, message, check.why, check.mend)


def run_checks(subject: Subject | PluginSubject) -> Iterator[Outcome]:
    """Make all checks of a subject; an error that comes back is told once."""
    raised: dict[str, str] = {}
    for check in checks_of(subject):
        found = run_check(check, subject)
        first = raised.get(found.message)
        if found.status == "failed" and found.message.startswith("raised "):
            raised.setdefault(found.message, check.name)
            if first is not None:
                reason = f"as {first}: {found.message}"
                found = Outcome(found.part, found.check, "skipped", reason, found.why, found.mend)
        yield found


def find_subjects(
    plugins: Plugins,
    name: str | None = None,
    *,
    bundled: bool = False,
    settings: Mapping[str, JSON] | None = None,
) -> Subjects:
    """Return what is to be checked.

    Args:
        plugins: everything that was found.
        name: of a plugin, a distribution, or components; None is all that are not bundled.
        bundled: without a name, those that are bundled.
        settings: parameters by dotted name, as ``--set`` has them.

    Raises:
        UsageError: if nothing has that name.
    """
    own = [p for p in plugins.found if p.bundled is bundled]
    if name is not None:
        own = [p for p in plugins.found if name in (p.name, p.distribution)]
    if own or name is None:
        return [s for plugin in own for s in _of_plugin(plugin, plugins, settings or {})]
    entries = [e for kind in KINDS for e in plugins.registry.entries(kind) if e.name == name]
    if not entries:
        known = {e.name for kind in KINDS for e in plugins.registry.entries(kind)}
        known |= {n for p in plugins.found for n in (p.name, p.distribution)}
        raise UsageError(f"no plugin or component is named '{name}'{did_you_mean(name, known)}")
    return [_subject(e, plugins, settings or {}) for e in entries]


def _of_plugin(plugin: Plugin, plugins: Plugins, settings: Mapping[str, JSON]) -> Subjects:
    found: Subjects = [PluginSubject(plugin.name, plugins)]
    for kind in KINDS:
        for entry in plugins.registry.entries(kind):
            if entry.plugin == plugin.name and _can_be_imported(entry):
                found.append(_subject(entry, plugins, settings))
    return found


def _subject(entry: Entry, plugins: Plugins, settings: Mapping[str, JSON]) -> Subject:
    prefix = f"{entry.name}."
    own = {k.removeprefix(prefix): v for k, v in settings.items() if k.startswith(prefix)}
    return Subject(entry.kind, entry.name, entry.load(), plugins.registry, entry.plugin, own)


def _can_be_imported(entry: Entry) -> bool:
    try:
        entry.load()
    except ReidbenchError:  # the check components-can-be-imported tells it
        return False
    return True
