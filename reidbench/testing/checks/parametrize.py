"""The checks as tests of pytest: one line in a plugin's tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reidbench.errors import UsageError, did_you_mean
from reidbench.registry.loading import load_plugins
from reidbench.storage.keys import JSON
from reidbench.testing.checks.check import Check, PluginSubject, Subject
from reidbench.testing.checks.running import checks_of, find_subjects, run_check

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True)
class BoundCheck:
    """A check with what it checks: call it to make it."""

    check: Check
    subject: Subject | PluginSubject

    @property
    def name(self) -> str:
        """Name of the subject and of the check, as "translator mine: is-deterministic"."""
        return f"{self.subject.title}: {self.check.name}"

    def __call__(self) -> None:
        """Make the check; fail, or skip, with the reason and the remedy."""
        import pytest

        found = run_check(self.check, self.subject)
        if found.status == "skipped":
            pytest.skip(found.message)
        if found.status == "failed":
            pytest.fail(
                f"{self.name}: {found.message}\n{found.why}\nTo mend it: {found.mend}",
                pytrace=False,
            )


def parametrize_with_checks(
    name: str,
    *,
    expected_failures: Mapping[str, str] | None = None,
    settings: Mapping[str, JSON] | None = None,
) -> pytest.MarkDecorator:
    """Return a decorator that runs a test once for each check of a plugin or component.

        @parametrize_with_checks("mine")
        def test_conforms(check):
            check()

    Args:
        name: of an installed plugin, distribution or component.
        expected_failures: reasons by the check's name, "is-deterministic", or by that of a
            component's, "translator mine: is-deterministic". Such a check must fail.
        settings: parameters by dotted name, such as the folder of a dataset.

    Raises:
        UsageError: if nothing has that name, or no check that is expected to fail.
    """
    import pytest

    expected = dict(expected_failures or {})
    found = find_subjects(load_plugins(), name, settings=settings)
    bound = [BoundCheck(check, subject) for subject in found for check in checks_of(subject)]
    known = {key for b in bound for key in (b.name, b.check.name)}
    for key in expected.keys() - known:
        raise UsageError(f"no check of '{name}' is named '{key}'{did_you_mean(key, known)}")

    def marks(b: BoundCheck) -> list[pytest.MarkDecorator]:
        reason = expected.get(b.name, expected.get(b.check.name))
        return [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True)]

    return pytest.mark.parametrize(
        "check", [pytest.param(b, id=b.name.replace(" ", "-"), marks=marks(b)) for b in bound]
    )
